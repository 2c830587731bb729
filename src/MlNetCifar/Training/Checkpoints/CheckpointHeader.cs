using System.Text.Json;
using System.Text.Json.Serialization;
using MlNetCifar.Files;
using MlNetCifar.Nn;

namespace MlNetCifar.Training;

/// <summary>The images of a run, told apart by figures that any change of a picture, a label or their order is as good as certain to move.</summary>
internal sealed record DataStamp(
    int Count, int Height, int Width, int Channels, IReadOnlyList<string> Classes, string LabelsSha256, IReadOnlyList<float> Mean, IReadOnlyList<float> Std,
    int ValidationCount = 0, string? ValidationLabelsSha256 = null, string? MeanImage = null);

/// <summary>The JSON of a checkpoint.</summary>
internal sealed record CheckpointHeader
{
    static readonly CheckpointHeader s_missing = new() { Network = "", Options = "", Data = new(0, 0, 0, 0, [], "", [], []), State = new() };

    /// <summary>Version of the program that wrote it; null before that was recorded.</summary>
    public string? ProgramVersion { get; init; }

    /// <summary>When it was written.</summary>
    public DateTimeOffset Written { get; init; }

    /// <summary>The network as JSON.</summary>
    public required string Network { get; init; }

    /// <summary>The options as JSON.</summary>
    public required string Options { get; init; }

    /// <summary>Bits of the vectors it was computed with: other widths round differently.</summary>
    public int LaneBits { get; init; }

    /// <summary>Whether products and sums were rounded once; true before that was recorded.</summary>
    public bool FusedMultiplyAdd { get; init; } = true;

    /// <summary>The images.</summary>
    public required DataStamp Data { get; init; }

    /// <summary>SHA-256 of the weights the run was begun from; null for fresh ones.</summary>
    public string? Start { get; init; }

    /// <summary>What is learned from a teacher; null for nothing.</summary>
    public string? Teacher { get; init; }

    /// <summary>Where the run stands.</summary>
    public required LoopState State { get; init; }

    /// <summary>Reads a header; properties left out have their defaults.</summary>
    /// <param name="json">In UTF-8.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="JsonException">This is no header.</exception>
    /// <exception cref="MlNetCifarException">A property is unknown (MNC1101).</exception>
    public static CheckpointHeader Read(ReadOnlyMemory<byte> json, string path)
    {
        using var document = JsonDocument.Parse(json);
        return JsonRecords.Read(document.RootElement, CheckpointJson.Default.CheckpointHeader, FileOrigin.Of(document.RootElement, path), s_missing);
    }

    /// <summary>The network.</summary>
    /// <param name="path">Named in errors.</param>
    public NetworkSpec ReadNetwork(string path)
    {
        using var json = JsonDocument.Parse(Network);
        return NetworkJson.Read(json.RootElement, new FileOrigin(path, ProgramVersion));
    }

    /// <summary>The options; those that the version which wrote them did not have have their defaults.</summary>
    /// <param name="path">Named in errors.</param>
    public TrainingOptions ReadOptions(string path)
    {
        var origin = new FileOrigin(path, ProgramVersion);
        try
        {
            return TrainingOptions.FromJson(Options, origin);
        }
        catch (JsonException e)
        {
            throw FileErrors.Unreadable(origin, e);
        }
    }
}

/// <summary>Source-generated JSON of the header.</summary>
[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, NumberHandling = JsonNumberHandling.AllowNamedFloatingPointLiterals,
    RespectRequiredConstructorParameters = true, RespectNullableAnnotations = true)]
[JsonSerializable(typeof(CheckpointHeader))]
internal sealed partial class CheckpointJson : JsonSerializerContext;
