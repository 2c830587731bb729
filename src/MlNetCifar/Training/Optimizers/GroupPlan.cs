using System.Collections.Immutable;
using MlNetCifar.Nn;

namespace MlNetCifar.Training;

/// <summary>What a step does to a tensor.</summary>
/// <param name="Rule">Update rule.</param>
/// <param name="Rate">Full learning rate.</param>
/// <param name="Decay">Decay in the rule's own terms.</param>
/// <param name="Schedule">How the rate changes.</param>
/// <param name="Warmup">Share of the schedule in which it rises.</param>
/// <param name="Share">Share of the run that the schedule covers; the rate is 0 after it. Null for all of it.</param>
internal sealed record UpdateSettings(OptimizerKind Rule, float Rate, float Decay, ScheduleKind Schedule, float? Warmup, float? Share);

/// <summary>Tensors with the same settings.</summary>
/// <param name="Name">For reading.</param>
/// <param name="Holds">Which tensors; the first group that fits counts.</param>
/// <param name="Settings">How they are trained.</param>
/// <param name="Frozen">Whether they are not trained.</param>
/// <param name="ThawAfterEpochs">Epochs after which they are; null for never.</param>
internal sealed record UpdateGroup(string Name, Predicate<WeightTensor> Holds, UpdateSettings Settings, bool Frozen = false, int? ThawAfterEpochs = null)
{
    /// <summary>Whether the group is not trained in an epoch, counted from 0.</summary>
    public bool IsFrozen(int epoch) => Frozen && epoch < (ThawAfterEpochs ?? int.MaxValue);

    /// <summary>The groups that the flat options stand for.</summary>
    public static ImmutableArray<UpdateGroup> Of(TrainingOptions options)
    {
        var main = new UpdateSettings(options.Optimizer, options.LearningRate, 0, options.Schedule, options.Warmup, null);
        var fixedTensors = new UpdateGroup("running statistics and fixed filters", t => !t.Spec.IsTrained, main with { Rate = 0 });
        if (options.Optimizer != OptimizerKind.Muon)
            return [fixedTensors, new("filters and matrices", IsWeight, main with { Decay = options.WeightDecay }), new("biases and gains", _ => true, main)];
        var heads = Flat(options.HeadLearningRate);
        var biases = Flat(options.BiasLearningRate);
        return
        [
            fixedTensors,
            new("filters", t => t.Dimensions.Length == 4, main),
            new("biases of fixed filters", t => t.Node.Layer is Conv2d { FixedFilter: true }, biases with { Schedule = ScheduleKind.Linear, Warmup = null, Share = options.FrozenBiasShare }),
            new("matrices", IsWeight, heads),
            new("biases and gains", _ => true, biases),
        ];

        // The decay of the recipe is the share lost in a step at the full rate.
        UpdateSettings Flat(float? rate) =>
            main with { Rule = OptimizerKind.Sgd, Rate = rate ?? options.LearningRate, Decay = options.WeightDecay / (rate ?? options.LearningRate) };
    }

    /// <summary>The groups that one of the user's stands for.</summary>
    public static IEnumerable<UpdateGroup> Of(ParameterGroup group, Predicate<WeightTensor> holds, TrainingOptions options) =>
        Of(group.Over(options)).Select(part => part with
        {
            Name = $"{group.Tensors}: {part.Name}",
            Holds = t => holds(t) && part.Holds(t),
            Settings = part.Settings with
            {
                Rate = part.Settings.Rate * group.RateFactor,
                Decay = part.Settings.Decay == 0 ? group.BiasDecay : part.Settings.Decay,
                Schedule = group.Schedule ?? part.Settings.Schedule,
                Share = group.TrainedShare ?? part.Settings.Share,
            },
            Frozen = group.Frozen,
            ThawAfterEpochs = group.ThawAfterEpochs,
        });

    static bool IsWeight(WeightTensor tensor) => tensor.Role == ParameterRole.Weight;
}

/// <summary>Which group each tensor of a network belongs to.</summary>
internal sealed class GroupPlan
{
    readonly Dictionary<WeightTensor, UpdateGroup> _groups = [];

    /// <summary>Assigns every tensor.</summary>
    /// <exception cref="MlNetCifarException">A group holds nothing (MNC3020), or nothing is trained (MNC3022).</exception>
    public GroupPlan(TrainingOptions options, NetworkWeights weights)
    {
        (Options, Weights) = (options, weights);
        var layers = LayerPlaces(weights);
        var users = options.Groups.Select(group => (group, parts: UpdateGroup.Of(group, t => group.Matches(t, layers[t]), options).ToArray())).ToArray();
        UpdateGroup[] all = [.. users.SelectMany(u => u.parts), .. UpdateGroup.Of(options)];
        foreach (var tensor in weights.Tensors)
            _groups.Add(tensor, all.First(g => g.Holds(tensor)));
        foreach (var (group, parts) in users)
        {
            if (!_groups.Values.Any(parts.Contains))
                throw TrainingErrors.EmptyGroup(group, weights.Tensors.Any(t => group.Matches(t, layers[t])), weights.Tensors.Select(t => t.Name));
        }

        if (weights.Tensors.All(t => !t.Spec.IsTrained || Of(t).IsFrozen(0)))
            throw TrainingErrors.AllFrozen();
        foreach (var statistics in weights.Tensors.Where(IsMoving).GroupBy(t => (object)t.Node, (_, tensors) => tensors.ToArray(), ReferenceEqualityComparer.Instance))
        {
            if (statistics.FirstOrDefault(t => FrozenEpochs(t) != FrozenEpochs(statistics[0])) is { } other)
                throw TrainingErrors.FrozenInPart(statistics[0].Name, other.Name);
        }
    }

    /// <summary>The options it follows.</summary>
    public TrainingOptions Options { get; }

    /// <summary>The weights it divides.</summary>
    public NetworkWeights Weights { get; }

    /// <summary>A tensor's group.</summary>
    public UpdateGroup Of(WeightTensor tensor) => _groups[tensor];

    /// <summary>The tensors that stay as they are in an epoch, counted from 0; running statistics among them.</summary>
    public IReadOnlySet<WeightTensor> Frozen(int epoch) => Weights.Tensors.Where(t => Of(t).IsFrozen(epoch)).ToHashSet();

    /// <summary>The epochs at whose beginning other tensors are trained than before, from 0; the first epoch is one of them.</summary>
    public IEnumerable<int> Phases() => Weights.Tensors.Select(FrozenEpochs).Where(e => e < int.MaxValue).Append(0).Distinct().Order();

    /// <summary>Epochs before a tensor is trained.</summary>
    public int FrozenEpochs(WeightTensor tensor) => Of(tensor) is { Frozen: true } group ? group.ThawAfterEpochs ?? int.MaxValue : 0;

    /// <summary>The groups that hold something, in the order of their first tensors.</summary>
    public IReadOnlyList<GroupSummary> Summaries() =>
    [
        .. Weights.Tensors.GroupBy(Of).Select(g => new GroupSummary(
            g.Key.Name, [.. g.Select(t => t.Name)], g.Sum(t => (long)t.Length), g.Key.Settings.Rule, g.Key.Settings.Rate, g.Key.Settings.Decay, g.Key.Frozen,
            g.Key.ThawAfterEpochs)),
    ];

    /// <summary>Whether training moves a tensor that has no gradient; γ of a normalisation without scale is such a tensor by role only.</summary>
    static bool IsMoving(WeightTensor tensor) => tensor.Role == ParameterRole.Statistic && tensor is not { Node.Layer: BatchNorm, Spec.Name: "weight" };

    static Dictionary<WeightTensor, int> LayerPlaces(NetworkWeights weights)
    {
        var places = new Dictionary<LayerNode, int>(ReferenceEqualityComparer.Instance);
        for (var i = 0; i < weights.Nodes.Length; i++)
        {
            foreach (var node in weights.Nodes[i].Flat())
                places.Add(node, i + 1);
        }

        return weights.Tensors.ToDictionary(t => t, t => places[t.Node]);
    }
}
