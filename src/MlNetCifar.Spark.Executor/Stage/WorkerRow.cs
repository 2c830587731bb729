using System.Globalization;
using System.Text.Json;
using MlNetCifar.Data;

namespace MlNetCifar.Spark.Stage;

/// <summary>A row that a worker returns: a finished part and the folder of the attempt that wrote it, or an image that the job is to fail for.</summary>
/// <param name="Task">Number of the task in the job.</param>
/// <param name="Attempt">Name of the attempt's folder in the job folder.</param>
/// <param name="Part">What was written; null for a failure.</param>
/// <param name="Code">Of the failure.</param>
/// <param name="Message">Of the failure.</param>
/// <param name="Timing">What the part took, see <see cref="PartTiming"/>.</param>
sealed record WorkerRow(int Task, string? Attempt, ShardPartInfo? Part, string? Code = null, string? Message = null, string? Timing = null)
{
    const string PartKind = "part";
    const string FailKind = "fail";

    /// <summary>Tab-separated columns; JSON holds neither tab nor newline.</summary>
    public override string ToString() =>
        Part is not null ? $"{PartKind}\t{Number}\t{Attempt}\t{Part.ToJson()}\t{Timing}" : $"{FailKind}\t{Number}\t{Code}\t\"{JsonEncodedText.Encode(Message ?? "")}\"";

    string Number => Task.ToString(CultureInfo.InvariantCulture);

    /// <exception cref="MlNetCifarException">The row is something else (MNC6042).</exception>
    public static WorkerRow Parse(string? kind, string? task, string? first, string? second, string? timing = null)
    {
        try
        {
            var isNumbered = int.TryParse(task, NumberStyles.None, CultureInfo.InvariantCulture, out var number);
            if (isNumbered && kind == PartKind && first is { Length: > 0 } && second is not null)
                return new(number, first, ShardPartInfo.FromJson(second), Timing: timing);
            if (isNumbered && kind == FailKind && second is not null)
            {
                using var text = JsonDocument.Parse(second);
                return new(number, null, null, first, text.RootElement.GetString());
            }
        }
        catch (JsonException)
        {
        }

        throw StageErrors.WrongRow($"{kind}\t{task}\t{first}\t{second}");
    }
}
