using MlNetCifar.App.Cli;
using MlNetCifar.Data;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.App.Commands;

/// <summary>Prints how prepare gets on, and what it left.</summary>
internal static class PrepareView
{
    public static string Line(SparkPrepareProgress p)
    {
        var rest = $"{(p.Tasks > 0 ? $"  {p.DoneTasks}/{p.Tasks} tasks" : "")}{(p.BadFiles > 0 ? $"  {p.BadFiles} bad" : "")}";
        return Invariant($"{Phase(p.Phase)} {p.Images:N0}/{p.Total:N0}  {p.ImagesPerSecond:N0} images/s{rest}");
    }

    static string Phase(string name) => name switch
    {
        "list" => "listing",
        "connect" => "connecting",
        "ship" => "sending the worker",
        "measure" => "measuring the training images of",
        _ => "preparing",
    };

    public static void Print(Call call, ShardReport report, IReadOnlyList<PartTiming> timings)
    {
        if (!call.Json)
        {
            foreach (var (split, manifest) in report.Splits)
                call.Terminal.Out.WriteLine(Invariant($"{split.ToString().ToLowerInvariant(),-10} {manifest.Count,9:N0} images in {manifest.Parts.Count} parts"));
            call.Terminal.Out.WriteLine(Invariant($"{report.PartsWritten} parts written, {report.PartsKept} kept, in {report.Folder}"));
            if (timings.Count > 0)
                call.Terminal.Log(Timing(timings));
            return;
        }

        JsonLine.Write(call.Terminal.Out, json =>
        {
            json.WriteString("folder", report.Folder);
            json.WriteNumber("partsWritten", report.PartsWritten);
            json.WriteNumber("partsKept", report.PartsKept);
            json.WriteNumber("badFiles", report.BadFiles.Count);
            json.WriteStartObject("images");
            foreach (var (split, manifest) in report.Splits)
                json.WriteNumber(split.ToString().ToLowerInvariant(), manifest.Count);
            json.WriteEndObject();
            if (timings.Count > 0)
                Write(json, timings);
        });
    }

    static string Timing(IReadOnlyList<PartTiming> timings)
    {
        var slowest = timings.MaxBy(t => t.Total)!;
        return Invariant($"the workers took {timings.Min(t => t.Total).TotalSeconds:0.0} to {slowest.Total.TotalSeconds:0.0} s a part, longest for part {slowest.Part} of {slowest.Split} ({slowest.Worker})");
    }

    static void Write(System.Text.Json.Utf8JsonWriter json, IReadOnlyList<PartTiming> timings)
    {
        json.WriteStartArray("parts");
        foreach (var timing in timings.OrderBy(t => t.Split, StringComparer.Ordinal).ThenBy(t => t.Part))
        {
            json.WriteStartObject();
            json.WriteString("split", timing.Split);
            json.WriteNumber("part", timing.Part);
            json.WriteNumber("images", timing.Images);
            json.WriteNumber("buildSeconds", timing.Build.TotalSeconds);
            json.WriteNumber("writeSeconds", timing.Write.TotalSeconds);
            json.WriteString("worker", timing.Worker);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
