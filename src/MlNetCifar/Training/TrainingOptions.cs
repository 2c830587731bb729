using System.Collections.Immutable;
using System.Text.Json;
using System.Text.Json.Serialization;
using MlNetCifar.Files;
using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>The rule by which gradients change the weights.</summary>
public enum OptimizerKind
{
    /// <summary>Stochastic gradient descent with momentum, Nesterov's by default.</summary>
    Sgd,

    /// <summary>Adam (Kingma and Ba 2015); the decay is an L2 penalty.</summary>
    Adam,

    /// <summary>Adam with decoupled decay (Loshchilov and Hutter 2019).</summary>
    AdamW,

    /// <summary>Muon (Jordan et al. 2024) for filters, SGD with Nesterov momentum for biases and matrices.</summary>
    Muon,
}

/// <summary>How classes of different size are weighed.</summary>
public enum ClassWeighting
{
    /// <summary>All images count alike.</summary>
    None,

    /// <summary>All classes count alike: an image of class k weighs N / (K · N_k).</summary>
    Balanced,
}

/// <summary>How a run's work is shared among its workers.</summary>
public enum DistributedMode
{
    /// <summary>Every step is one update from the gradient of a whole batch, whose slices the workers compute.</summary>
    Synchronous,

    /// <summary>
    /// Local SGD (Stich 2019; FedAvg, McMahan et al. 2017): in every round several models train by themselves on shares of their own, each from the same weights, and are then averaged.
    /// </summary>
    Averaged,

    /// <summary>
    /// Workers push the gradient of a batch at a time, or how far <see cref="TrainingOptions.UpdateFrequency"/> batches have moved a model, each of which updates the weights when it comes, whatever others
    /// have changed since its weights were sent; how many updates that may be is bounded. The result is another in every run.
    /// </summary>
    Asynchronous,

    /// <summary>As <see cref="Asynchronous"/>, without a lock and without a bound (Recht et al. 2011): updates overlap, and may in part be lost.</summary>
    Hogwild,
}

/// <summary>How the gradients of slices are rounded before they are summed up, and sent.</summary>
public enum GradientFormat
{
    /// <summary>Not at all: 32-bit floats.</summary>
    F32,

    /// <summary>16 bits with the range of 32-bit floats and 8 binary digits (bfloat16).</summary>
    Bf16,

    /// <summary>16 bits with 11 binary digits (IEEE 754 binary16), of gradients times 1,024: from 6·10⁻⁸ on with all their digits, down to 6·10⁻¹¹ with fewer; what is above 63.97 is taken for that.</summary>
    F16,
}

/// <summary>Everything that decides a training run besides network and data. Immutable; recorded in the model file and the report.</summary>
public sealed record TrainingOptions
{
    /// <summary>The range of every number among the options.</summary>
    internal static ImmutableArray<OptionRange<TrainingOptions>> Ranges { get; } =
    [
        new(nameof(Epochs), o => o.Epochs, 1),
        new(nameof(BatchSize), o => o.BatchSize, 1, 65536),
        new(nameof(Slices), o => o.Slices, 1, 1024),
        new(nameof(UpdateFrequency), o => o.UpdateFrequency, 0, 65536),
        new(nameof(LearningRate), o => o.LearningRate, 0) { Above = true },
        new(nameof(Warmup), o => o.Warmup, 0, 1),
        new(nameof(StepFactor), o => o.StepFactor, 0, 1) { Above = true },
        new(nameof(BiasLearningRate), o => o.BiasLearningRate, 0) { Above = true },
        new(nameof(HeadLearningRate), o => o.HeadLearningRate, 0) { Above = true },
        new(nameof(MuonMomentum), o => o.MuonMomentum, 0, 1) { Below = true },
        new(nameof(FrozenBiasShare), o => o.FrozenBiasShare, 0, 1) { Above = true },
        new(nameof(Momentum), o => o.Momentum, 0, 1) { Below = true },
        new(nameof(Beta1), o => o.Beta1, 0, 1) { Below = true },
        new(nameof(Beta2), o => o.Beta2, 0, 1) { Below = true },
        new(nameof(Epsilon), o => o.Epsilon, 0) { Above = true },
        new(nameof(WeightDecay), o => o.WeightDecay, 0),
        new(nameof(GradientClipNorm), o => o.GradientClipNorm, 0) { Above = true },
        new(nameof(EmaDecay), o => o.EmaDecay, 0, 1) { Below = true },
        new(nameof(LookaheadSteps), o => o.LookaheadSteps, 1),
        new(nameof(SwaStart), o => o.SwaStart, 0, 1) { Below = true },
        new(nameof(SwaLearningRate), o => o.SwaLearningRate, 0) { Above = true },
        new(nameof(LabelSmoothing), o => o.LabelSmoothing, 0, 1) { Below = true },
        new(nameof(Patience), o => o.Patience, 1),
        new(nameof(MinimumDelta), o => o.MinimumDelta, 0),
        new(nameof(TimeBudget), o => o.TimeBudget, 0) { Above = true },
        new(nameof(OverfitBatches), o => o.OverfitBatches, 1),
        new(nameof(ShuffleWindow), o => o.ShuffleWindow, 0),
        new(nameof(Seed), o => o.Seed, 0),
        new(nameof(Threads), o => o.Threads, 1, 1024),
    ];

    /// <summary>Passes over the training images, ≥ 1. The default is 20.</summary>
    public int Epochs { get; init; } = 20;

    /// <summary>Images a step, ≥ 1. The default is 64.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>
    /// Slices that a batch is cut into, 1 … <see cref="BatchSize"/>; a short batch has fewer. Each is computed by itself, from the same weights, and the gradients are summed in a fixed order, so that the result
    /// does not depend on who computes which; memory is that of one slice. Batch normalisation takes its statistics within a slice (ghost batch normalisation, Hoffer et al. 2017), the running ones moving by the
    /// slices' mean, unless <see cref="SyncBatchNorm"/> is set, and pictures are mixed within one. The default is 1: the whole batch at once.
    /// </summary>
    public int Slices { get; init; } = 1;

    /// <summary>
    /// Whether batch normalisation takes its statistics over all <see cref="Slices"/> of a batch, which then wait for one another at each such layer; memory is that of all of them. With
    /// <see cref="DistributedMode.Synchronous"/> only. The default is false.
    /// </summary>
    public bool SyncBatchNorm { get; init; }

    /// <summary>
    /// How work is shared. The default is <see cref="DistributedMode.Synchronous"/>; <see cref="DistributedMode.Averaged"/>, and the two after it with an <see cref="UpdateFrequency"/> other than 1, train
    /// <see cref="Slices"/> models side by side, whose batches together are of <see cref="BatchSize"/>, so that an epoch has as many steps and the same rates suit.
    /// </summary>
    public DistributedMode DistributedMode { get; init; }

    /// <summary>
    /// In all modes but the synchronous one: batches that a model trains on before it is averaged, or added to the run's weights, 1 … 65536; 0 for as many as an epoch has for it. The default is 1; without
    /// averages that is a gradient, and there are no models.
    /// </summary>
    public int UpdateFrequency { get; init; } = 1;

    /// <summary>
    /// How gradients of slices are rounded, with <see cref="DistributedMode.Synchronous"/> and <see cref="Slices"/>: the same for any number of workers and for one process, whose messages take half the bytes
    /// in 16 bits. The default is <see cref="GradientFormat.F32"/>, not at all.
    /// </summary>
    public GradientFormat GradientFormat { get; init; }

    /// <summary>Update rule. The default is <see cref="OptimizerKind.Adam"/>.</summary>
    public OptimizerKind Optimizer { get; init; } = OptimizerKind.Adam;

    /// <summary>Largest step size of the schedule, &gt; 0, per mini-batch mean gradient. The default is 0.001.</summary>
    public float LearningRate { get; init; } = 1e-3f;

    /// <summary>How the rate changes over the run. The default is <see cref="ScheduleKind.Cosine"/>.</summary>
    public ScheduleKind Schedule { get; init; } = ScheduleKind.Cosine;

    /// <summary>Share of the run in which the rate rises linearly from near 0, 0 … 1; for one-cycle the length of its rise. The default is 0 (0.3 for one-cycle).</summary>
    public float? Warmup { get; init; }

    /// <summary>Factor of the step schedule, applied after each third of the run, in (0, 1]. The default is 0.1.</summary>
    public float StepFactor { get; init; } = 0.1f;

    /// <summary>With <see cref="OptimizerKind.Muon"/>: rate of the biases, &gt; 0. The default is null: <see cref="LearningRate"/>.</summary>
    public float? BiasLearningRate { get; init; }

    /// <summary>With <see cref="OptimizerKind.Muon"/>: rate of the matrices (the head), &gt; 0. The default is null: <see cref="LearningRate"/>.</summary>
    public float? HeadLearningRate { get; init; }

    /// <summary>With <see cref="OptimizerKind.Muon"/>: momentum of the filters, 0 ≤ m &lt; 1. The default is 0.6.</summary>
    public float MuonMomentum { get; init; } = 0.6f;

    /// <summary>With frozen filters: share of the run after which their biases stop being trained, their rate falling linearly; in (0, 1]. The default is 0.375.</summary>
    public float FrozenBiasShare { get; init; } = 0.375f;

    /// <summary>Momentum of <see cref="OptimizerKind.Sgd"/>, 0 ≤ m &lt; 1. The default is 0.9.</summary>
    public float Momentum { get; init; } = 0.9f;

    /// <summary>Whether <see cref="OptimizerKind.Sgd"/> looks ahead. The default is true.</summary>
    public bool Nesterov { get; init; } = true;

    /// <summary>β₁ of Adam, 0 ≤ β &lt; 1. The default is 0.9.</summary>
    public float Beta1 { get; init; } = 0.9f;

    /// <summary>β₂ of Adam, 0 ≤ β &lt; 1. The default is 0.999.</summary>
    public float Beta2 { get; init; } = 0.999f;

    /// <summary>ε of Adam, &gt; 0. The default is 1e-8.</summary>
    public float Epsilon { get; init; } = 1e-8f;

    /// <summary>
    /// Decay of filters and matrices (never of biases or normalisation parameters), ≥ 0. With <see cref="OptimizerKind.Muon"/>, whose filters have a fixed
    /// norm, the share of biases and matrices lost in a step at the full rate. The default is 0.
    /// </summary>
    public float WeightDecay { get; init; }

    /// <summary>Tensors that are trained in a way of their own, or not at all; a tensor belongs to the first group that fits. The default is none.</summary>
    public ParameterGroups Groups { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = ParameterGroups.None;

    /// <summary>Largest global norm of the gradients, &gt; 0; larger ones are scaled down. The default is null, no limit.</summary>
    public float? GradientClipNorm { get; init; }

    /// <summary>Decay of an exponential moving average of the weights, 0 ≤ d &lt; 1, which is then what is validated and returned. The default is null, none.</summary>
    public float? EmaDecay { get; init; }

    /// <summary>
    /// With <see cref="EmaDecay"/>: steps, ≥ 1, after which the average is moved and training goes on from it (lookahead, Zhang et al. 2019); its decay over that many steps grows with the
    /// cube of the run's progress (Jordan 2024). The default is null: the average follows every step, and training does not know of it.
    /// </summary>
    public int? LookaheadSteps { get; init; }

    /// <summary>
    /// Share of the run, 0 ≤ s &lt; 1, from which on the weights of every epoch's end are averaged, all alike (stochastic weight averaging, Izmailov et al. 2018); the mean is then what is validated and
    /// returned. Its batch normalisations get the statistics of up to 10,000 training images, a forward pass an epoch. Not together with <see cref="EmaDecay"/>. The default is null, none.
    /// </summary>
    public float? SwaStart { get; init; }

    /// <summary>With <see cref="SwaStart"/>: the rate from then on, &gt; 0, other rates in proportion. The default is null: the schedule goes on.</summary>
    public float? SwaLearningRate { get; init; }

    /// <summary>Whether a second set of weights is kept.</summary>
    internal bool KeepsAverage => EmaDecay is not null || SwaStart is not null;

    /// <summary>Share of each label spread evenly over all classes, 0 ≤ s &lt; 1. The default is 0.</summary>
    public float LabelSmoothing { get; init; }

    /// <summary>How classes of different size are weighed. The default is <see cref="ClassWeighting.None"/>.</summary>
    public ClassWeighting ClassWeights { get; init; }

    /// <summary>Random changes to training images. The default is none.</summary>
    public Augmentation Augmentation { get; init => field = value ?? throw new ArgumentNullException(nameof(value)); } = Augmentation.None;

    /// <summary>Epochs without improvement of the validation accuracy after which training stops, ≥ 1. The default is null, never.</summary>
    public int? Patience { get; init; }

    /// <summary>
    /// Gain of validation accuracy, 0 … 1, over the last score that counted for <see cref="Patience"/> above which another one counts (as <c>min_delta</c> of
    /// Keras' EarlyStopping), and makes its epoch the best; ≥ 0. Smaller gains add up until they count. The default is 0: any.
    /// </summary>
    public double MinimumDelta { get; init; }

    /// <summary>Time after which the run ends; the schedule is stretched or shrunk to end with it, and <see cref="Epochs"/> is ignored. The default is null.</summary>
    public TimeSpan? TimeBudget { get; init; }

    /// <summary>Trains on the first that many batches only, to see whether the network can learn them by heart; ≥ 1. The default is null.</summary>
    public int? OverfitBatches { get; init; }

    /// <summary>
    /// Images that are shuffled together when the data are larger than memory (shards in random order, images within windows of that order), ≥ 0.
    /// The default is 0: all at once.
    /// </summary>
    public int ShuffleWindow { get; init; }

    /// <summary>Decides initial weights, order, augmentation and dropout. The default is 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads, ≥ 1; the result does not depend on it. The default is null: the cores this process may use.</summary>
    public int? Threads { get; init; }

    /// <summary>Whether several models are trained side by side and averaged.</summary>
    internal bool IsAveraged => DistributedMode == DistributedMode.Averaged;

    /// <summary>Whether gradients, or how far models have moved, are taken as they come.</summary>
    internal bool IsServed => DistributedMode is DistributedMode.Asynchronous or DistributedMode.Hogwild;

    /// <summary>Whether models are trained that are not the run's.</summary>
    internal bool HasModels => IsAveraged || (IsServed && UpdateFrequency != 1);

    /// <summary>How one process goes through one batch; that of a model is its share of the whole.</summary>
    internal TrainingOptions OfBatch => HasModels ? this with { Slices = 1, BatchSize = Math.Max(1, BatchSize / Slices) } : this;

    /// <summary>How one process trains with the same batches and rates, without rounds.</summary>
    internal TrainingOptions OfOneProcess => this with { Slices = HasModels ? 1 : Slices, DistributedMode = DistributedMode.Synchronous, UpdateFrequency = 1 };

    /// <summary>All options as one JSON object, names in snake case.</summary>
    public string ToJson() => JsonSerializer.Serialize(this, TrainingJson.Default.TrainingOptions);

    /// <summary>Reads what <see cref="ToJson"/> wrote, in this version or an earlier one: options left out have their defaults.</summary>
    /// <exception cref="JsonException">This is something else.</exception>
    /// <exception cref="MlNetCifarException">An option is unknown (MNC1101).</exception>
    internal static TrainingOptions FromJson(string json, FileOrigin origin)
    {
        using var document = JsonDocument.Parse(json);
        var options = JsonRecords.Read(document.RootElement, TrainingJson.Default.TrainingOptions, origin, new TrainingOptions());
        return document.RootElement.TryGetProperty("groups", out var groups) ? options with { Groups = ParameterGroups.Read(groups, origin, "groups") } : options;
    }

    /// <summary>Checks all values.</summary>
    /// <exception cref="MlNetCifarException">Names every value out of range (MNC3001).</exception>
    public void Validate()
    {
        string[] faults =
        [
            .. Ranges.Faults(this), .. Undefined(Optimizer, nameof(Optimizer)), .. Undefined(Schedule, nameof(Schedule)),
            .. Undefined(DistributedMode, nameof(DistributedMode)), .. Undefined(GradientFormat, nameof(GradientFormat)), .. Contradictions(name => name, value => FormattableString.Invariant($"{value}")),
            .. Undefined(ClassWeights, nameof(ClassWeights)), .. Groups.SelectMany(Faults), .. Augmentation.Faults().Select(fault => $"{nameof(Augmentation)}.{fault}"),
        ];
        if (faults.Length > 0)
            throw TrainingErrors.Options(faults);
    }

    /// <summary>How the parameters of a network are divided among <see cref="Groups"/> and what the other options say, in the order of the layers.</summary>
    /// <param name="network">The network.</param>
    /// <exception cref="MlNetCifarException">A group holds nothing (MNC3020), nothing would be trained (MNC3022), or the network is wrong (MNC20xx).</exception>
    public IReadOnlyList<GroupSummary> DescribeGroups(NetworkSpec network)
    {
        ArgumentNullException.ThrowIfNull(network);
        using var weights = new NetworkWeights(network);
        return new GroupPlan(this, weights).Summaries();
    }

    /// <summary>Values that do not go together.</summary>
    /// <param name="name">What the caller calls a property.</param>
    /// <param name="text">What the caller calls a value.</param>
    internal IEnumerable<string> Contradictions(Func<string, string> name, Func<object, string> text)
    {
        if (SwaStart is not null && EmaDecay is not null)
            yield return $"{name(nameof(SwaStart))} is {text(SwaStart)} and {name(nameof(EmaDecay))} is {text(EmaDecay)}, expected one of them";
        if (IsAveraged && Slices < 2)
            yield return $"{name(nameof(Slices))} is {Slices}, expected at least 2: {name(nameof(DistributedMode))} {text(DistributedMode)} averages as many models";
        if (IsServed && !HasModels && Slices != 1)
            yield return $"{name(nameof(Slices))} is {Slices}, expected 1: with {name(nameof(DistributedMode))} {text(DistributedMode)} and {name(nameof(UpdateFrequency))} 1 a worker computes whole batches";
        if (Slices > BatchSize && BatchSize >= 1)
            yield return $"{name(nameof(Slices))} is {Slices}, expected at most {name(nameof(BatchSize))}, {BatchSize}";
        if (DistributedMode != DistributedMode.Synchronous && (SwaStart is not null || LookaheadSteps is not null))
            yield return $"{name(nameof(DistributedMode))} is {text(DistributedMode)} with {name(SwaStart is null ? nameof(LookaheadSteps) : nameof(SwaStart))}, expected {text(DistributedMode.Synchronous)}";
        if (DistributedMode != DistributedMode.Synchronous && SyncBatchNorm)
            yield return $"{name(nameof(SyncBatchNorm))} is true with {name(nameof(DistributedMode))} {text(DistributedMode)}, expected {text(DistributedMode.Synchronous)}: there only is a batch computed in slices";
        if (DistributedMode == DistributedMode.Synchronous && UpdateFrequency != 1)
            yield return $"{name(nameof(UpdateFrequency))} is {UpdateFrequency}, expected 1, a batch: {name(nameof(DistributedMode))} {text(DistributedMode)} updates after every one";
        if (GradientFormat != GradientFormat.F32 && (DistributedMode != DistributedMode.Synchronous || Slices < 2))
            yield return $"{name(nameof(GradientFormat))} is {text(GradientFormat)} with {name(nameof(DistributedMode))} {text(DistributedMode)} and {name(nameof(Slices))} {Slices}, expected {text(DistributedMode.Synchronous)} and at least 2 {name(nameof(Slices))}";
    }

    static IEnumerable<string> Faults(ParameterGroup group)
    {
        IEnumerable<string> faults =
        [
            .. ParameterGroup.Ranges.Faults(group), .. Undefined(group.Role, nameof(group.Role)), .. Undefined(group.Optimizer, nameof(group.Optimizer)),
            .. Undefined(group.Schedule, nameof(group.Schedule)),
        ];
        if (string.IsNullOrWhiteSpace(group.Tensors))
            faults = faults.Append($"{nameof(group.Tensors)} is empty, expected names");
        if (group.ThawAfterEpochs is not null && !group.Frozen)
            faults = faults.Append($"{nameof(group.ThawAfterEpochs)} is {group.ThawAfterEpochs} without {nameof(group.Frozen)}, expected both or neither");
        return faults.Select(fault => $"{nameof(Groups)}, '{group}': {fault}");
    }

    static IEnumerable<string> Undefined<T>(T? value, string name)
        where T : struct, Enum
        => value is { } some ? Undefined(some, name) : [];

    static IEnumerable<string> Undefined<T>(T value, string name)
        where T : struct, Enum
        => Enum.IsDefined(value) ? [] : [$"{name} is {value}, expected one of {string.Join(", ", Enum.GetNames<T>())}"];
}

/// <summary>Source-generated JSON of the options.</summary>
[JsonSourceGenerationOptions(GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, UseStringEnumConverter = true, IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(TrainingOptions))]
[JsonSerializable(typeof(ParameterGroup))]
internal sealed partial class TrainingJson : JsonSerializerContext;
