using System.Collections;
using System.Collections.Immutable;
using System.IO.Enumeration;
using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Text.Json.Serialization;
using MlNetCifar.Files;
using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>
/// Some of a network's tensors, and how they are trained: by a rule, rate, decay and schedule of their own, or not at all. What is not set is as in
/// <see cref="TrainingOptions"/>. A tensor belongs to the group where name, role and layer all fit.
/// </summary>
/// <param name="Tensors">
/// Names as in weight files, several separated by commas; <c>*</c> stands for any characters, <c>?</c> for one. A name stands for all below it as well:
/// <c>layer1</c> is all of <c>layer1.conv1.weight</c>, <c>layer1.bn1.bias</c> and so on, but nothing of <c>layer10</c>.
/// </param>
public sealed record ParameterGroup(string Tensors)
{
    /// <summary>All tensors that role and layers allow.</summary>
    public ParameterGroup()
        : this("*")
    {
    }

    /// <summary>The range of every number among the settings.</summary>
    internal static ImmutableArray<OptionRange<ParameterGroup>> Ranges { get; } =
    [
        new(nameof(FirstLayer), g => g.FirstLayer, 1),
        new(nameof(LastLayer), g => g.LastLayer, 1),
        new(nameof(LearningRate), g => g.LearningRate, 0) { Above = true },
        new(nameof(RateFactor), g => g.RateFactor, 0) { Above = true },
        new(nameof(WeightDecay), g => g.WeightDecay, 0),
        new(nameof(TrainedShare), g => g.TrainedShare, 0, 1) { Above = true },
        new(nameof(ThawAfterEpochs), g => g.ThawAfterEpochs, 1),
    ];

    /// <summary>What the tensors are for. The default is null: anything.</summary>
    public ParameterRole? Role { get; init; }

    /// <summary>Place of the first layer in <see cref="NetworkSpec.Layers"/>, from 1, a residual block counting as one. The default is null: the first.</summary>
    public int? FirstLayer { get; init; }

    /// <summary>Place of the last layer, from 1. The default is null: the last.</summary>
    public int? LastLayer { get; init; }

    /// <summary>Update rule. The default is null: <see cref="TrainingOptions.Optimizer"/>.</summary>
    public OptimizerKind? Optimizer { get; init; }

    /// <summary>Largest step size of the schedule, &gt; 0. The default is null: that of the options, with <see cref="OptimizerKind.Muon"/> the one for biases and matrices too.</summary>
    public float? LearningRate { get; init; }

    /// <summary>Multiplies the learning rate, &gt; 0; for rates that fall towards the stem. The default is 1.</summary>
    public float RateFactor { get; init; } = 1;

    /// <summary>
    /// Decay of the group's filters and matrices, ≥ 0; of its biases or gains where <see cref="Role"/> says that it holds these. The default is null:
    /// <see cref="TrainingOptions.WeightDecay"/>, and none for biases and gains.
    /// </summary>
    public float? WeightDecay { get; init; }

    /// <summary>How the rate changes over the run. The default is null: as the options say.</summary>
    public ScheduleKind? Schedule { get; init; }

    /// <summary>Share of the run in which the group is trained, its schedule ending with it; in (0, 1]. The default is null: all of it.</summary>
    public float? TrainedShare { get; init; }

    /// <summary>
    /// Whether the tensors stay as they are. A batch normalisation whose running statistics are frozen uses them in training too, and leaves them alone.
    /// What is frozen costs no gradients and no moments, and no backward pass below the lowest layer that is trained. The default is false.
    /// </summary>
    public bool Frozen { get; init; }

    /// <summary>Epochs after which a frozen group is trained all the same, ≥ 1. The default is null: never.</summary>
    public int? ThawAfterEpochs { get; init; }

    /// <summary>Tensors that are never trained.</summary>
    /// <param name="tensors">As <see cref="Tensors"/>.</param>
    public static ParameterGroup Freeze(string tensors) => new(tensors) { Frozen = true };

    /// <summary>All layers from the first to a given one, never trained.</summary>
    /// <param name="network">The network.</param>
    /// <param name="layer">A name as in weight files, such as <c>layer2</c> or <c>conv3</c>, or a place in <see cref="NetworkSpec.Layers"/>, from 1.</param>
    /// <exception cref="MlNetCifarException">There is no such layer (MNC3021), or the network is wrong (MNC20xx).</exception>
    public static ParameterGroup FreezeUntil(NetworkSpec network, string layer)
    {
        ArgumentNullException.ThrowIfNull(network);
        ArgumentException.ThrowIfNullOrEmpty(layer);
        var nodes = network.Resolve();
        var place = int.TryParse(layer, out var number) ? number - 1 : Enumerable.Range(0, nodes.Length).FirstOrDefault(i => Names(nodes[i]).Any(n => IsBelow(n, layer)), -1);
        return place >= 0 && place < nodes.Length
            ? new ParameterGroup { LastLayer = place + 1, Frozen = true }
            : throw TrainingErrors.UnknownLayer(layer, nodes.Length, nodes.SelectMany(Names));
    }

    /// <summary>The group as <see cref="ParameterGroups.Parse"/> reads it: <c>conv*, layer1: rate-factor=0.1, frozen</c>.</summary>
    public override string ToString() => GroupText.Of(this);

    /// <summary>Whether a tensor fits.</summary>
    /// <param name="tensor">The tensor.</param>
    /// <param name="layer">Place of its layer, from 1.</param>
    internal bool Matches(WeightTensor tensor, int layer) =>
        (Role ?? tensor.Role) == tensor.Role && layer >= (FirstLayer ?? 1) && layer <= (LastLayer ?? int.MaxValue)
        && Tensors.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries).Any(pattern =>
            FileSystemName.MatchesSimpleExpression(pattern, tensor.Name, ignoreCase: false)
            || FileSystemName.MatchesSimpleExpression($"{pattern}.*", tensor.Name, ignoreCase: false));

    /// <summary>The decay of biases and gains: none unless it was asked for.</summary>
    internal float BiasDecay => Role is ParameterRole.Bias or ParameterRole.Gain ? WeightDecay ?? 0 : 0;

    /// <summary>The options as they are for the group's tensors.</summary>
    internal TrainingOptions Over(TrainingOptions options)
    {
        var own = options with { Optimizer = Optimizer ?? options.Optimizer, WeightDecay = WeightDecay ?? options.WeightDecay };
        return LearningRate is { } rate ? own with { LearningRate = rate, BiasLearningRate = null, HeadLearningRate = null } : own;
    }

    static IEnumerable<string> Names(LayerNode node) => node.Flat().Select(n => n.WeightName).OfType<string>();

    static bool IsBelow(string name, string layer) => name == layer || name.StartsWith($"{layer}.", StringComparison.Ordinal);
}

/// <summary>Groups in order; a tensor belongs to the first that fits. Immutable; two are equal where all their groups are.</summary>
[CollectionBuilder(typeof(ParameterGroups), nameof(Create))]
[JsonConverter(typeof(ParameterGroupsConverter))]
public sealed class ParameterGroups : IReadOnlyList<ParameterGroup>, IEquatable<ParameterGroups>
{
    readonly ImmutableArray<ParameterGroup> _groups;

    ParameterGroups(ImmutableArray<ParameterGroup> groups) => _groups = groups;

    /// <summary>No group: everything is trained as the options say.</summary>
    public static ParameterGroups None { get; } = new([]);

    /// <inheritdoc/>
    public int Count => _groups.Length;

    /// <inheritdoc/>
    public ParameterGroup this[int index] => _groups[index];

    /// <summary>Puts groups in order; what a collection expression calls.</summary>
    /// <param name="groups">First to last.</param>
    /// <exception cref="ArgumentNullException">One is null.</exception>
    public static ParameterGroups Create(ReadOnlySpan<ParameterGroup> groups)
    {
        foreach (var group in groups)
            ArgumentNullException.ThrowIfNull(group, nameof(groups));
        return new([.. groups]);
    }

    /// <summary>Reads an array of groups; settings left out have their defaults.</summary>
    /// <param name="json">The array.</param>
    /// <param name="origin">Named in errors.</param>
    /// <param name="place">Name of the array.</param>
    /// <exception cref="JsonException">This is something else.</exception>
    /// <exception cref="MlNetCifarException">A setting is unknown (MNC1101).</exception>
    internal static ParameterGroups Read(JsonElement json, FileOrigin origin, string place) => json.ValueKind == JsonValueKind.Array
        ? new([.. json.EnumerateArray().Select((e, i) => JsonRecords.Read(e, TrainingJson.Default.ParameterGroup, origin, $"{place}[{i}]", new ParameterGroup()))])
        : throw new JsonException($"The property '{place}' is no array.");

    /// <summary>
    /// Reads groups from one line: <c>conv*, layer1: frozen, thaw-after-epochs=2; fc1: rate-factor=0.1</c>. Each is the names of its tensors and, behind a colon, what differs
    /// from the defaults, by the names of properties in kebab-case.
    /// </summary>
    /// <param name="text">The groups, separated by semicolons; <c>none</c> for none.</param>
    /// <exception cref="FormatException">The text is something else; the message says what is expected.</exception>
    public static ParameterGroups Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        return text == GroupText.None ? None : new([.. text.Split(';').Select(GroupText.Parse)]);
    }

    /// <summary>The groups as <see cref="Parse"/> reads them.</summary>
    public override string ToString() => Count == 0 ? GroupText.None : string.Join("; ", _groups);

    /// <inheritdoc/>
    public bool Equals(ParameterGroups? other) => other is not null && _groups.SequenceEqual(other._groups);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as ParameterGroups);

    /// <inheritdoc/>
    public override int GetHashCode() => _groups.Aggregate(_groups.Length, HashCode.Combine);

    /// <inheritdoc/>
    public IEnumerator<ParameterGroup> GetEnumerator() => _groups.AsEnumerable().GetEnumerator();

    /// <inheritdoc/>
    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}

/// <summary>Writes groups as an array. Where files are read, <see cref="ParameterGroups.Read"/> does it, which knows the defaults.</summary>
internal sealed class ParameterGroupsConverter : JsonConverter<ParameterGroups>
{
    public override ParameterGroups Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        reader.Skip();
        return ParameterGroups.None;
    }

    public override void Write(Utf8JsonWriter writer, ParameterGroups value, JsonSerializerOptions options)
    {
        writer.WriteStartArray();
        foreach (var group in value)
            JsonSerializer.Serialize(writer, group, TrainingJson.Default.ParameterGroup);
        writer.WriteEndArray();
    }
}

/// <summary>The tensors that are trained alike.</summary>
/// <param name="Name">What they are, for reading.</param>
/// <param name="Tensors">Their names.</param>
/// <param name="Parameters">How many numbers they have in all.</param>
/// <param name="Optimizer">Update rule.</param>
/// <param name="LearningRate">Largest step size.</param>
/// <param name="WeightDecay">Decay in the rule's own terms.</param>
/// <param name="Frozen">Whether they are not trained, at first at least.</param>
/// <param name="ThawAfterEpochs">Epochs after which they are; null for never.</param>
public sealed record GroupSummary(
    string Name, IReadOnlyList<string> Tensors, long Parameters, OptimizerKind Optimizer, float LearningRate, float WeightDecay, bool Frozen, int? ThawAfterEpochs);
