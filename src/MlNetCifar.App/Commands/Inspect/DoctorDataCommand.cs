using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Data;
using MlNetCifar.Pretrained;
using MlNetCifar.Transfer;
using Spectre.Console;

namespace MlNetCifar.App.Commands.Inspect;

/// <summary>Examines a data set.</summary>
internal sealed class DoctorDataCommand() : Verb("data", "Examine a data set: counts, sizes, broken files, duplicates within and across splits. Exit code 3 on errors.")
{
    const int ShownPaths = 3;

    public override string Arguments => "PATH";

    public override string ArgumentsHelp => "Folder, archive or manifest of image files";

    protected override IEnumerable<OptionDescription> OwnOptions =>
    [
        ExperimentTable.LabelsFrom, ExperimentTable.MaxPixels, ExperimentTable.MaxFileSize, ExperimentTable.Backbone, ExperimentTable.CacheFolder, TrainingTable.Threads, .. ExperimentTable.OfRun,
    ];

    public override IReadOnlyList<string> Examples => ["photos", "photos --backbone resnet18"];

    public override string Note => "With a backbone it also lists labels that are likely to be wrong, and near duplicates that no hash of pixels finds.";

    public override int Run(Call call)
    {
        var path = call.Arguments[0];
        var options = new DoctorOptions
        {
            Files = PictureFiles.Finding(call),
            Decode = new() { MaxPixels = call.Get(ExperimentTable.MaxPixels) },
            Threads = call.Get(TrainingTable.Threads) ?? Environment.ProcessorCount,
            FeatureFolder = new ExperimentOptions { CacheFolder = call.Get(ExperimentTable.CacheFolder) }.FeatureFolder,
        };
        var report = Examine(call, path, options);
        var (folder, fault) = Write(call, path, report);
        if (call.Json)
            PrintJson(call, report, folder);
        else
            Print(call, report);
        if (fault is not null)
            return Math.Max(ErrorPrinter.Print(call.Terminal, fault, call.Get(Verbose)), report.HasErrors ? ExitCodes.DataRejected : ExitCodes.Ok);
        call.Terminal.Log($"report   {folder!.File("report.html")}");
        return report.HasErrors ? ExitCodes.DataRejected : ExitCodes.Ok;
    }

    /// <summary>Writes the report; what was found is told in any case, since finding it may have taken an hour.</summary>
    static (RunFolder? Folder, Exception? Fault) Write(Call call, string path, DoctorReport report)
    {
        try
        {
            return (Write(call, path, report, call.Get(ExperimentTable.Output)!), null);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or MlNetCifarException)
        {
            return (null, e);
        }
    }

    static RunFolder Write(Call call, string path, DoctorReport report, string output)
    {
        var storage = new HdfsStorage(call);
        var name = call.Get(ExperimentTable.Name) ?? Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        var folder = RunFolder.Create(output, "doctor", name, call.Get(ExperimentTable.ExistOk), storage);
        folder.WriteBytes("report.json", report.WriteJson);
        folder.WriteBytes("report.html", report.WriteHtml);
        if (storage.IsRemote(output))
            call.Terminal.Log($"copy     {storage.Publish(folder, output, call.Get(ExperimentTable.ExistOk), (_, _) => { })}");
        return folder;
    }

    static DoctorReport Examine(Call call, string path, DoctorOptions options)
    {
        if (call.Get(ExperimentTable.Backbone) is null && call.Get(ExperimentTable.CacheFolder) != new ExperimentOptions().CacheFolder)
            call.Terminal.Warn($"{ExperimentTable.CacheFolder.Option} has no effect: no features are asked for with {ExperimentTable.Backbone.Option}");
        using var backbone = call.Get(ExperimentTable.Backbone) is { } name ? IBackboneCatalog.Find(name, new PretrainedBackbones()) : null;
        using var bar = new Bar(call.Terminal, $"examining {path}");
        var progress = new Reporter<LoadProgress>(p => bar.Advance((double)p.Done / Math.Max(p.Total, 1), Invariant($"examining {p.Done:N0}/{p.Total:N0} images")));
        return backbone is null ? DatasetDoctor.Examine(path, options, progress, call.Stop) : FeatureDoctor.Examine(path, backbone, options, progress, call.Stop);
    }

    static void Print(Call call, DoctorReport report)
    {
        var counts = new Table().Border(TableBorder.Simple).AddColumn("Class");
        foreach (var split in report.Splits)
            counts.AddColumn(new TableColumn(split.Split.ToString().ToLowerInvariant()).RightAligned());
        for (var i = 0; i < report.Classes.Count; i++)
            counts.AddRow([Markup.Escape(report.Classes[i]), .. report.Splits.Select(s => Invariant($"{s.Classes[i]:N0}"))]);
        call.Terminal.Tables.Write(counts);
        var text = call.Terminal.Out;
        text.WriteLine(Invariant($"{report.Count:N0} images, width {Range(report.Widths)}, height {Range(report.Heights)}"));
        foreach (var group in report.Findings.GroupBy(f => f.Kind))
        {
            text.WriteLine(Invariant($"{group.First().Severity.ToString().ToLowerInvariant()}: {OptionText.Kebab(group.Key.ToString())}: {group.Count():N0}"));
            foreach (var finding in group.Take(ShownPaths))
                text.WriteLine($"  {finding.Message} {string.Join(", ", finding.Paths.Take(ShownPaths))}");
        }

        foreach (var note in report.Notes)
            text.WriteLine(note);
        if (report.Findings.Count == 0)
            text.WriteLine("nothing to complain about");
    }

    static string Range((int Least, int Median, int Most) range) =>
        range.Least == range.Most ? OptionText.Of(range.Least) : Invariant($"{range.Least} … {range.Most} (median {range.Median})");

    static void PrintJson(Call call, DoctorReport report, RunFolder? folder)
    {
        foreach (var finding in report.Findings)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("event", "finding");
                json.WriteString("kind", OptionText.Kebab(finding.Kind.ToString()));
                json.WriteString("severity", finding.Severity.ToString().ToLowerInvariant());
                json.WriteString("message", finding.Message);
                json.WriteStartArray("paths");
                foreach (var file in finding.Paths)
                    json.WriteStringValue(file);
                json.WriteEndArray();
            });
        JsonLine.Write(call.Terminal.Out, json =>
        {
            json.WriteString("event", "result");
            json.WriteString("report", folder?.File("report.html"));
            json.WriteNumber("images", report.Count);
            json.WriteNumber("findings", report.Findings.Count);
            json.WriteBoolean("errors", report.HasErrors);
        });
    }
}
