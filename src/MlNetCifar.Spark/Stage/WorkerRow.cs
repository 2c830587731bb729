using System.Text.Json;
using MlNetCifar.Data;

namespace MlNetCifar.Spark.Stage;

/// <summary>A row that a worker returns: a finished part and the folder of the attempt that wrote it, or an image that the job is to fail for.</summary>
/// <param name="Attempt">Name of the attempt's folder in the job folder.</param>
/// <param name="Part">What was written; null for a failure.</param>
/// <param name="Code">Of the failure.</param>
/// <param name="Message">Of the failure.</param>
/// <param name="Timing">What the part took, see <see cref="PartTiming"/>.</param>
sealed record WorkerRow(string? Attempt, ShardPartInfo? Part, string? Code = null, string? Message = null, string? Timing = null)
{
    const string PartKind = "part";
    const string FailKind = "fail";

    /// <summary>Tab-separated columns; JSON holds neither tab nor newline.</summary>
    public override string ToString() =>
        Part is not null ? $"{PartKind}\t{Attempt}\t{Part.ToJson()}\t{Timing}" : $"{FailKind}\t{Code}\t\"{JsonEncodedText.Encode(Message ?? "")}\"";

    /// <exception cref="MlNetCifarException">The row is something else (MNC6042).</exception>
    public static WorkerRow Parse(string? kind, string? first, string? second, string? timing = null)
    {
        try
        {
            if (kind == PartKind && first is { Length: > 0 } && second is not null)
                return new(first, ShardPartInfo.FromJson(second), Timing: timing);
            if (kind == FailKind && second is not null)
            {
                using var text = JsonDocument.Parse(second);
                return new(null, null, first, text.RootElement.GetString());
            }
        }
        catch (JsonException)
        {
        }

        throw StageErrors.WrongRow($"{kind}\t{first}\t{second}");
    }
}
