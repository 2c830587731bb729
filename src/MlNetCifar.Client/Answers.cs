namespace MlNetCifar.Client;

/// <summary>One class and its probability.</summary>
/// <param name="Label">Name of the class.</param>
/// <param name="Index">Its index, 0 … classes − 1.</param>
/// <param name="Probability">0 … 1.</param>
public sealed record PredictedLabel(string Label, int Index, float Probability);

/// <summary>Which model answered.</summary>
/// <param name="Name">Served under.</param>
/// <param name="Version">Of its file.</param>
/// <param name="Sha256">Of its weights.</param>
/// <param name="Role"><c>canary</c> where a candidate answered; null otherwise.</param>
public sealed record AnsweringModel(string Name, string Version, string Sha256, string? Role = null);

/// <summary>An answer for one picture.</summary>
/// <param name="Predictions">The most probable classes, in falling order.</param>
/// <param name="Unknown">Whether the answer is <c>unknown</c>: the model says so, or no class reaches the threshold that was asked for.</param>
/// <param name="Model">Which model answered.</param>
/// <param name="RequestId">For <see cref="ModelClient.TellAsync"/>.</param>
/// <param name="LabelSet">The classes that hold the true one as often as the model's calibration promises; null without a calibration.</param>
public sealed record PictureAnswer(IReadOnlyList<PredictedLabel> Predictions, bool Unknown, AnsweringModel Model, string RequestId, IReadOnlyList<PredictedLabel>? LabelSet = null);

/// <summary>What became of one of several pictures.</summary>
/// <param name="Answer">Null where there is a fault.</param>
/// <param name="Fault">Null where there is an answer.</param>
public sealed record PictureResult(PictureAnswer? Answer, ServerException? Fault);

/// <summary>What is asked for beside the pictures. Immutable.</summary>
public sealed record PredictOptions
{
    /// <summary>Name of the model; null (the default) for the only one.</summary>
    public string? Model { get; init; }

    /// <summary>Its version; null (the default) for the highest.</summary>
    public string? Version { get; init; }

    /// <summary>Classes wanted, ≥ 1. The default is 5.</summary>
    public int Top { get; init; } = 5;

    /// <summary>Least probability of a class that is returned, 0 … 1. The default is 0.</summary>
    public float Threshold { get; init; }
}

/// <summary>A model that is served.</summary>
/// <param name="Name">Served under.</param>
/// <param name="Version">Of its file.</param>
/// <param name="Sha256">Of its weights.</param>
/// <param name="Classes">Its labels, in the order of their indices.</param>
/// <param name="Width">Of its input, in pixels; pictures of other sizes are resized.</param>
/// <param name="Height">Of its input, in pixels.</param>
/// <param name="Calibrated">Whether its probabilities are calibrated.</param>
public sealed record ServedModel(string Name, string Version, string Sha256, IReadOnlyList<string> Classes, int Width, int Height, bool Calibrated);
