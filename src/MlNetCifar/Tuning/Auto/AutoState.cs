using System.Text.Json;
using System.Text.Json.Serialization;
using MlNetCifar.Experiments;
using MlNetCifar.Files;

namespace MlNetCifar.Tuning;

/// <summary>Where an <see cref="AutoExperiment"/> stands, as its folder keeps it: what was decided is not decided again by a process that goes on.</summary>
internal sealed record AutoState
{
    public const string FileName = "automl.json";

    /// <summary>What the data are like, in words; null until they were examined.</summary>
    public string? Found { get; init; }

    /// <summary>Seconds of the budget that were spent when the plan was made; null before.</summary>
    public double? Planned { get; init; }

    /// <summary>How the rest is shared out; null where nothing is searched.</summary>
    public AutoPlan? Plan { get; init; }

    /// <summary>Why nothing is searched; null where something is.</summary>
    public string? Reason { get; init; }

    /// <summary>Whether there is time for a whole training of the usual configuration.</summary>
    public bool FitsWhole { get; init; }

    /// <summary>The trial that is trained at the end; null until the search is over.</summary>
    public int? Trial { get; init; }

    /// <summary>Of its training at the end.</summary>
    public int? Epochs { get; init; }

    /// <summary>Whether that has ended.</summary>
    public bool IsTrained { get; init; }

    /// <summary>Reads what a folder keeps; an empty state where it keeps none.</summary>
    /// <exception cref="MlNetCifarException">The file is damaged (MNC3208).</exception>
    public static AutoState Read(RunFolder folder)
    {
        var path = folder.File(FileName);
        if (!File.Exists(path))
            return new();
        try
        {
            using var document = JsonDocument.Parse(File.ReadAllBytes(path));
            return JsonRecords.Read(document.RootElement, AutoJson.Default.AutoState, FileOrigin.Of(document.RootElement, path), new AutoState());
        }
        catch (Exception e) when (e is JsonException or IOException or UnauthorizedAccessException)
        {
            throw TuningErrors.Journal(path, $"What was decided cannot be read ({e.Message.TrimEnd('.')}).", e);
        }
    }

    /// <summary>Keeps it, whole or not at all.</summary>
    public void Write(RunFolder folder) => folder.WriteBytes(FileName, stream => JsonSerializer.Serialize(stream, this, AutoJson.Default.AutoState));
}

[JsonSourceGenerationOptions(
    GenerationMode = JsonSourceGenerationMode.Metadata, PropertyNamingPolicy = JsonKnownNamingPolicy.SnakeCaseLower, RespectRequiredConstructorParameters = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, WriteIndented = true,
    IgnoreReadOnlyProperties = true)]
[JsonSerializable(typeof(AutoState))]
internal sealed partial class AutoJson : JsonSerializerContext;
