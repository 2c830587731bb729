using System.Collections.Concurrent;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Data;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.App.Commands;

/// <summary>Makes shards of image files, so that training need not decode them again.</summary>
internal sealed class PrepareCommand() : Verb("prepare", "Turn images into shards: .npy parts with a manifest. A second run makes only what is missing.")
{
    static readonly OptionDescription<string?> s_to = OptionDescription.Text("to", "FOLDER", "The shard folder to write; also on hdfs://", group: "Shards");
    static readonly OptionDescription<int?> s_parts = OptionDescription.Of<int?>(
        "parts", "N", "Parts of each split", t => OptionText.Positive(t), null, "Shards", "one for each 64 MiB");
    static readonly OptionDescription<bool> s_float32 = OptionDescription.Flag(
        "float32", "Store float32 on the scale 0 … 1 instead of bytes: four times the size", "Shards");
    static readonly OptionDescription<bool> s_normalize = OptionDescription.Flag(
        "normalize", "With --float32: subtract the mean of the training images, divide by their deviation", "Shards");
    static readonly OptionDescription<double> s_test = OptionDescription.Of(
        "test-share", "SHARE", "Share of the images for a test split where the data have none", OptionText.Fraction, 0.0, "Shards");
    static readonly OptionDescription<double> s_validation = OptionDescription.Of(
        "val-share", "SHARE", "Share of the images for a validation split where the data have none", OptionText.Fraction, 0.0, "Shards");
    static readonly OptionDescription<bool> s_existOk = OptionDescription.Flag("exist-ok", "Replace finished shards of other settings or classes, which are refused otherwise", "Shards");
    static readonly OptionDescription<string?> s_master = OptionDescription.Text(
        "master", "MASTER", "Where it runs: local[n] is n threads of this process, local[*] all cores, sc://host:port a Spark cluster", "local[*]", "Shards");

    public override OptionDescription ArgumentOption => ExperimentTable.Data;

    protected override IEnumerable<OptionDescription> OwnOptions =>
    [
        ExperimentTable.Data, .. ExperimentTable.OfPictures, ExperimentTable.OnBadImage, .. ExperimentTable.OfFiles, s_to, s_parts, s_float32, s_normalize, s_test, s_validation, TrainingTable.Seed, s_existOk, s_master,
        .. ClusterOptions.OfStage,
    ];

    public override IReadOnlyList<string> Examples =>
        ["photos --size 64 --to shards/photos", "--data hdfs:///photos --size 64 --to hdfs:///shards --master sc://127.0.0.1:15002"];

    public override string Note => "The shards are the same wherever they are made. On a cluster, --data may also be Parquet files of (path, content).";

    public override int Run(Call call)
    {
        var (data, to) = (call.Values.Required(ExperimentTable.Data), call.Values.Required(s_to));
        var options = new ShardOptions
        {
            Spec = Preprocess(call),
            Decode = PictureFiles.Decoding(call),
            Parts = call.Get(s_parts),
            Float32 = call.Get(s_float32),
            Normalize = call.Get(s_normalize),
            Seed = call.Get(TrainingTable.Seed),
            TestFraction = call.Get(s_test),
            ValidationFraction = call.Get(s_validation),
            ExistOk = call.Get(s_existOk),
            OnBadImage = call.Get(ExperimentTable.OnBadImage),
        };
        Check(options);
        var stage = new SparkPrepareOptions
        {
            Input = data,
            Output = to,
            Master = call.Get(s_master)!,
            Shards = options,
            Files = PictureFiles.Finding(call),
            WorkerPath = call.Get(ClusterOptions.Worker),
            ShipWorker = call.Get(ClusterOptions.Ship),
            StallTimeout = call.Get(ClusterOptions.Stall),
            WorkerTimeout = call.Get(ClusterOptions.WorkerTimeout),
            Hadoop = ClusterOptions.Hadoop(call),
        };
        WarnOfIdle(call, stage);
        var timings = new ConcurrentBag<PartTiming>();
        var report = Prepare(call, stage with { OnPart = timings.Add });
        foreach (var warning in report.Warnings)
            call.Terminal.Warn(warning);
        if (report.BadFiles is [var first, ..])
            call.Terminal.Warn(Invariant($"{report.BadFiles.Count:N0} {(report.BadFiles.Count == 1 ? "file was" : "files were")} left out, see {BadFile.FileName}; the first: {first.Path}: {first.Reason}"));
        PrepareView.Print(call, report, [.. timings]);
        return ExitCodes.Ok;
    }

    static void WarnOfIdle(Call call, SparkPrepareOptions stage)
    {
        if (stage.Master.StartsWith("sc://", StringComparison.Ordinal))
            return;
        ClusterOptions.WarnOfIdle(call, ClusterOptions.OfStage, $"no cluster is asked for with {s_master.Option}");
    }

    static ShardReport Prepare(Call call, SparkPrepareOptions stage)
    {
        using var bar = new Bar(call.Terminal, "preparing");
        var progress = new Reporter<SparkPrepareProgress>(p => bar.Advance((double)p.Images / Math.Max(p.Total, 1), PrepareView.Line(p)));
        return SparkPrepare.RunAsync(stage, progress, call.Stop).GetAwaiter().GetResult();
    }

    static PreprocessSpec Preprocess(Call call)
    {
        var spec = ExperimentOptions.From(call.Values).Preprocess ?? new();
        spec.Validate();
        return spec;
    }

    static void Check(ShardOptions options)
    {
        if (options is { Normalize: true, Float32: false })
            throw CliErrors.Argument($"{s_normalize.Option} is given without {s_float32.Option}.");
        if (options.TestFraction + options.ValidationFraction >= 1)
            throw CliErrors.Argument(Invariant($"{s_test.Option} {options.TestFraction} and {s_validation.Option} {options.ValidationFraction} leave nothing to train on."));
        try
        {
            options.Validate();
        }
        catch (ArgumentException e)
        {
            throw CliErrors.Argument(e.Message, e);
        }
    }
}
