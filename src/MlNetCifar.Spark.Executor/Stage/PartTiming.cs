using System.Globalization;

namespace MlNetCifar.Spark.Stage;

/// <summary>What a part took in its worker.</summary>
/// <param name="Split">The shard folder's name: train, val or test, or where there is one split the output's own.</param>
/// <param name="Part">The part's number in it.</param>
/// <param name="Images">Images looked at.</param>
/// <param name="Build">Reading, decoding and resizing.</param>
/// <param name="Write">Writing, during which the next part is built already.</param>
/// <param name="Worker">Host and executor.</param>
public sealed record PartTiming(string Split, int Part, int Images, TimeSpan Build, TimeSpan Write, string Worker)
{
    /// <summary>Both.</summary>
    public TimeSpan Total => Build + Write;

    /// <summary>As a worker's row has it: milliseconds, and who it was.</summary>
    internal static string Format(TimeSpan build, TimeSpan write) =>
        string.Create(CultureInfo.InvariantCulture, $"{build.TotalMilliseconds:0} {write.TotalMilliseconds:0} {WorkerNotes.Self}");

    /// <summary>Reads what <see cref="Format"/> wrote; null where it is something else, as figures are not worth a job.</summary>
    internal static PartTiming? Parse(string? text, string split, int part, int images) =>
        text?.Split(' ', 3) is [var build, var write, var worker]
        && int.TryParse(build, NumberStyles.None, CultureInfo.InvariantCulture, out var b) && int.TryParse(write, NumberStyles.None, CultureInfo.InvariantCulture, out var w)
            ? new(split, part, images, TimeSpan.FromMilliseconds(b), TimeSpan.FromMilliseconds(w), worker) : null;
}
