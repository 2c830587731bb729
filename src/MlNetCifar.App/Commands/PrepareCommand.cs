using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.App.Runs.Storage;
using MlNetCifar.Data;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.App.Commands;

/// <summary>Makes shards of image files, so that training need not decode them again.</summary>
internal sealed class PrepareCommand() : Verb("prepare", "Turn images into shards: .npy parts with a manifest. A second run makes only what is missing.")
{
    static readonly Setting<string?> s_to = Cli.Settings.Text("to", "FOLDER", "The shard folder to write; also on hdfs://", group: "Shards");
    static readonly Setting<int?> s_parts = Cli.Settings.Of<int?>("parts", "N", "Parts of each split", t => Texts.Positive(t), null, "Shards", "one for each 64 MiB");
    static readonly Setting<bool> s_float32 = Cli.Settings.Flag("float32", "Store float32 on the scale 0 … 1 instead of bytes: four times the size", "Shards");
    static readonly Setting<bool> s_normalize = Cli.Settings.Flag("normalize", "With --float32: subtract the mean of the training images, divide by their deviation", "Shards");
    static readonly Setting<double> s_test = Cli.Settings.Of("test-share", "SHARE", "Share of the images for a test split where the data have none", Texts.Fraction, 0.0, "Shards");
    static readonly Setting<double> s_validation = Cli.Settings.Of("val-share", "SHARE", "Share of the images for a validation split where the data have none", Texts.Fraction, 0.0, "Shards");
    static readonly Setting<string?> s_master = Cli.Settings.Text("master", "MASTER", "Where it runs: local[n] is n threads of this process, local[*] all cores, sc://host:port a Spark cluster", "local[*]", "Shards");

    protected override IEnumerable<Setting> OwnSettings =>
    [
        .. DataSettings.Opening, s_to, s_parts, s_float32, s_normalize, s_test, s_validation, TrainingSettings.Find<ulong>("seed"), s_master,
        ClusterSettings.Worker, ClusterSettings.Ship, ClusterSettings.Stall, ClusterSettings.WorkerTimeout,
    ];

    public override IReadOnlyList<string> Examples =>
        ["--data photos --size 64 --to shards/photos", "--data hdfs:///photos --size 64 --to hdfs:///shards --master sc://127.0.0.1:15002"];

    public override string Note => "The shards are the same wherever they are made. On a cluster, --data may also be Parquet files of (path, content).";

    public override int Run(Call call)
    {
        var (data, to) = (call.Values.Required(DataSettings.Data), call.Values.Required(s_to));
        var options = new ShardOptions
        {
            Spec = DataSettings.Preprocess(call) ?? new(),
            Parts = call.Get(s_parts),
            Float32 = call.Get(s_float32),
            Normalize = call.Get(s_normalize),
            Seed = call.Get(TrainingSettings.Find<ulong>("seed")),
            TestFraction = call.Get(s_test),
            ValidationFraction = call.Get(s_validation),
            OnBadImage = call.Get(DataSettings.OnBadImage),
        };
        TrainingSettings.Checked(options.Validate);
        var stage = new SparkPrepareOptions
        {
            Input = data,
            Output = to,
            Master = call.Get(s_master)!,
            Shards = options,
            WorkerPath = call.Get(ClusterSettings.Worker),
            ShipWorker = call.Get(ClusterSettings.Ship),
            StallTimeout = call.Get(ClusterSettings.Stall),
            WorkerTimeout = call.Get(ClusterSettings.WorkerTimeout),
            Hadoop = ClusterSettings.Hadoop(call),
        };
        var report = Bars.Run(call.Terminal, "preparing", advance =>
            SparkPrepare.RunAsync(stage, new Progress(advance), call.Stop).GetAwaiter().GetResult());
        foreach (var warning in report.Warnings)
            call.Terminal.Warn(warning);
        if (report.BadFiles is [var first, ..])
            call.Terminal.Warn(Texts.Invariant($"{report.BadFiles.Count:N0} files were left out and are listed in {BadFile.FileName}; the first: {first.Path}: {first.Reason}"));
        Print(call, report);
        return ExitCodes.Ok;
    }

    static void Print(Call call, ShardReport report)
    {
        if (!call.Json)
        {
            foreach (var (split, manifest) in report.Splits)
                call.Terminal.Out.WriteLine(Texts.Invariant($"{split.ToString().ToLowerInvariant(),-10} {manifest.Count,9:N0} images in {manifest.Parts.Count} parts"));
            call.Terminal.Out.WriteLine(Texts.Invariant($"{report.PartsWritten} parts written, {report.PartsKept} kept, in {report.Folder}"));
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
        });
    }

    sealed class Progress(Advance advance) : IProgress<SparkPrepareProgress>
    {
        public void Report(SparkPrepareProgress value) => advance((double)value.Images / Math.Max(value.Total, 1), Texts.Invariant(
            $"{Phase(value.Phase)} {value.Images:N0}/{value.Total:N0}  {value.ImagesPerSecond:N0} images/s{(value.Tasks > 0 ? $"  {value.DoneTasks}/{value.Tasks} tasks" : "")}{(value.BadFiles > 0 ? $"  {value.BadFiles} bad" : "")}"));

        static string Phase(string name) => name switch
        {
            "list" => "listing",
            "connect" => "connecting",
            "ship" => "sending the worker",
            _ => "preparing",
        };
    }
}
