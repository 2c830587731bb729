using MlNetCifar.Data;

namespace MlNetCifar.Training;

/// <summary>Others that compute the slices of a run's batches. Whoever they are, and however many, the sums are the same to the bit.</summary>
internal interface ISliceWorkers
{
    /// <summary>Gets them ready, before the first step.</summary>
    /// <param name="run">What is trained; told what goes wrong without ending it.</param>
    /// <param name="train">The training images.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MlNetCifarException">Nobody came (MNC33xx).</exception>
    void Begin(TrainingRun run, ImageSource train, CancellationToken cancellation);

    /// <summary>Has all slices of a batch computed.</summary>
    /// <param name="batch">Which; it holds no pictures.</param>
    /// <param name="place">Where its update stands.</param>
    /// <param name="state">What every slice begins with: weights, running statistics and, where models are averaged, moments; not changed.</param>
    /// <param name="whole">All that the update will change, moments too, <paramref name="state"/> first: for those who make the update as well.</param>
    /// <param name="tree">Gets the slices, in order.</param>
    /// <param name="cancellation">Abandons the batch.</param>
    /// <exception cref="MlNetCifarException">All of them are lost (MNC33xx).</exception>
    void Compute(Batch batch, StepPlace place, IReadOnlyList<StateBlock> state, IReadOnlyList<StateBlock> whole, SliceTree tree, CancellationToken cancellation);

    /// <summary>To be called when weights were changed otherwise than by the update of a batch that was computed: copies of them are no more the same.</summary>
    void Moved();

    /// <summary>Has those who hold copies prove that they are the same to the bit; between two steps.</summary>
    /// <param name="whole">What they are copies of.</param>
    /// <param name="cancellation">Ends the waiting.</param>
    /// <exception cref="MlNetCifarException">They are not (MNC3316).</exception>
    void Prove(IReadOnlyList<StateBlock> whole, CancellationToken cancellation);

    /// <summary>Has the batches of a round computed, each from the weights as they are when its turn comes, and pushed.</summary>
    /// <param name="round">Which; it holds no pictures.</param>
    /// <param name="place">Where it stands.</param>
    /// <param name="server">Gets the gradients.</param>
    /// <param name="cancellation">Abandons the round; nobody is at work when this returns.</param>
    /// <returns>Mean loss of its pictures, and how many were classified correctly.</returns>
    /// <exception cref="MlNetCifarException">All of them are lost (MNC33xx).</exception>
    (double Loss, int Correct) Serve(Batch round, StepPlace place, GradientServer server, CancellationToken cancellation);
}
