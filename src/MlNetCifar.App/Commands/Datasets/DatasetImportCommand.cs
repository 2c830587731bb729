using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Data;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Import;

namespace MlNetCifar.App.Commands.Datasets;

/// <summary>How files are kept on HDFS.</summary>
internal enum Packing
{
    None,
    Parquet,
}

/// <summary>Unpacks an archive, here or on HDFS.</summary>
internal sealed class DatasetImportCommand() : Verb("import", "Unpack an archive, or copy a folder, here or on HDFS; nothing is written outside the target.")
{
    static readonly OptionDescription<string?> s_to = OptionDescription.Text(
        "to", "FOLDER", "Where the files go, instead of the second argument; also on hdfs://, where an interrupted import is continued");
    static readonly OptionDescription<Packing> s_pack = OptionDescription.Of(
        "pack", "NAME", "none, or parquet: many small files become few large ones, which all later steps read faster",
        OptionText.Choice<Packing>, Packing.None, "Spark and HDFS");

    static readonly OptionDescription<int> s_parallel = OptionDescription.Of("parallel", "N", "Files written to HDFS at once", OptionText.Positive, 8, "Spark and HDFS");

    public override string Arguments => "SOURCE [FOLDER]";

    public override string ArgumentsHelp => "A .tar.gz, .tgz, .tar or .zip archive or a folder, and where its files go";

    public override (int Least, int Most) ArgumentCount => (1, 2);

    protected override IEnumerable<OptionDescription> OwnOptions => [s_to, s_pack, s_parallel];

    public override IReadOnlyList<string> Examples => ["photos.zip photos", "photos.zip --to hdfs:///photos --pack parquet"];

    public override int Run(Call call)
    {
        var (source, target) = (call.Arguments[0], call.Get(s_to) ?? call.Arguments.ElementAtOrDefault(1) ?? call.Values.Required(s_to));
        if (call.Get(s_to) is not null && call.Arguments.Count > 1)
            throw CliErrors.Syntax($"Two targets are given: '{call.Arguments[1]}' and {s_to.Option} '{target}'.", "mlnetcifar dataset import");
        if (HdfsPath.IsHdfs(target))
            return Upload(call, source, target);
        if (call.Get(s_pack) != Packing.None)
            throw CliErrors.PackNeedsHdfs(target);
        target = HdfsPath.ToLocal(target);
        var (files, warnings) = Import(call, HdfsPath.ToLocal(source), target);
        return Print(call, target, files, 0, warnings);
    }

    static (int Files, IReadOnlyList<string> Warnings) Import(Call call, string source, string target)
    {
        using var bar = new Bar(call.Terminal, "importing");
        return DatasetImporter.Import(source, target, new Reporter<LoadProgress>(p =>
            bar.Advance((double)p.Done / Math.Max(p.Total, 1), Invariant($"importing {p.Done:N0}/{p.Total:N0} files"))), call.Stop);
    }

    static int Upload(Call call, string source, string target)
    {
        var options = new HdfsImportOptions
        {
            Source = source,
            Target = target,
            PackParquet = call.Get(s_pack) == Packing.Parquet,
            Parallelism = call.Get(s_parallel),
            Hadoop = ClusterOptions.Hadoop(call),
        };
        var report = Upload(call, options);
        return Print(call, target, report.Files, report.Skipped, report.Warnings);
    }

    static HdfsImportReport Upload(Call call, HdfsImportOptions options)
    {
        using var bar = new Bar(call.Terminal, "importing");
        return HdfsImport.RunAsync(options, new Reporter<HdfsImportProgress>(p => bar.Advance((double)p.Files / Math.Max(p.Total, 1),
            Invariant($"importing {p.Files:N0}/{p.Total:N0} files  {OptionText.OfBytes(p.Bytes)}"))), call.Stop).GetAwaiter().GetResult();
    }

    static int Print(Call call, string target, int files, int skipped, IReadOnlyList<string> warnings)
    {
        foreach (var warning in warnings)
            call.Terminal.Warn(warning);
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("folder", target);
                json.WriteNumber("files", files);
                json.WriteNumber("skipped", skipped);
            });
        else
            call.Terminal.Out.WriteLine(Invariant($"{files:N0} files in {target}{(skipped > 0 ? $", {skipped:N0} of them were there already" : "")}"));
        return ExitCodes.Ok;
    }
}
