using System.Text.Json.Serialization;

namespace MlNetCifar.Training;

/// <summary>The images of a run, told apart by figures that any change of a picture, a label or their order is as good as certain to move.</summary>
internal sealed record DataStamp(
    int Count, int Height, int Width, int Channels, IReadOnlyList<string> Classes, string LabelsSha256, IReadOnlyList<float> Mean, IReadOnlyList<float> Std,
    int ValidationCount, string? ValidationLabelsSha256);

/// <summary>The JSON of a checkpoint.</summary>
internal sealed record CheckpointHeader
{
    /// <summary>When it was written.</summary>
    public DateTimeOffset Written { get; init; }

    /// <summary>The network as JSON.</summary>
    public required string Network { get; init; }

    /// <summary>The options as JSON.</summary>
    public required string Options { get; init; }

    /// <summary>Bits of the vectors it was computed with: other widths round differently.</summary>
    public int LaneBits { get; init; }

    /// <summary>The images.</summary>
    public required DataStamp Data { get; init; }

    /// <summary>SHA-256 of the weights the run was begun from; null for fresh ones.</summary>
    public string? Start { get; init; }

    /// <summary>Where the run stands.</summary>
    public required LoopState State { get; init; }
}

/// <summary>Source-generated JSON of the header.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals)]
[JsonSerializable(typeof(CheckpointHeader))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
