using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Imaging;
using MlNetCifar.Spark.Executors;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.App.Commands;

/// <summary>Names what is on pictures.</summary>
internal sealed class PredictCommand() : Verb("predict", "Name what is on pictures: the most probable classes of each, as soon as they are known.")
{
    static readonly OptionDescription<int> s_top = OptionDescription.Of("top", "N", "Classes to print for each picture", OptionText.Positive, 3);
    static readonly OptionDescription<string?> s_csv = OptionDescription.Text("csv", "FILE", "Also write the answers to this file; also on hdfs://");
    static readonly OptionDescription<string?> s_parquet = OptionDescription.Text("parquet", "FILE", "Also write the answers to this file, as Parquet; also on hdfs://");
    static readonly OptionDescription<string?> s_save = OptionDescription.Text("save", "FOLDER", "Copy each picture into a folder here that is named after its answer");

    static readonly OptionDescription<string?> s_to = OptionDescription.Text(
        "to", "FOLDER", "With --master: write the answers there as Parquet files, on hdfs:// or a disk that all executors see; nothing is printed of single pictures");

    public override string Arguments => "FILE...";

    public override string ArgumentsHelp => "Image files, folders of them or of shards, also on hdfs://, or - for standard input";

    public override (int Least, int Most) ArgumentCount => (0, 100_000);

    protected override IEnumerable<OptionDescription> OwnOptions =>
        [EvaluationTable.Model, s_top, EvaluationTable.AbstainBelow, s_csv, s_parquet, s_save, .. PictureFiles.Options, TrainingTable.Threads, s_to, .. ClusterOptions.OfScoring];

    public override IReadOnlyList<string> Examples => ["photo.jpg", "--model runs/train/seed-cnn --csv answers.csv photos", "- < photo.jpg", "hdfs:///shards --model runs/train/seed-cnn --master sc://127.0.0.1:15002 --to hdfs:///answers"];

    public override int Run(Call call)
    {
        if (call.Arguments.Count == 0)
            throw CliErrors.NoInput();
        if (call.Get(s_to) is { } to)
            return OnCluster(call, to);
        ClusterOptions.WarnOfIdle(call, ClusterOptions.OfScoring, $"a cluster writes answers where {s_to.Option} says, and nothing else");
        foreach (var (option, extension) in new[] { (s_csv, ".csv"), (s_parquet, ".parquet") })
            if (call.Get(option) is { } file)
                OutputFile.Format(option, file, "the table", extension);
        using var model = ModelChoice.Load(call);
        using var pictures = PictureList.Find(call, model);
        var top = Math.Min(call.Get(s_top), model.Classes.Length);
        var code = ExitCodes.Ok;
        Into(s_csv, AnswerTable.Csv, csv => Into(s_parquet, AnswerTable.Parquet,
            parquet => code = Run(call, model, pictures, top, [.. new[] { csv, parquet }.OfType<AnswerTable>()])));
        return code;

        // A file gets its name when the work on it is done.
        void Into(OptionDescription<string?> option, Func<Stream, IReadOnlyList<(string, Type)>, AnswerTable> start, Action<AnswerTable?> work)
        {
            if (call.Get(option) is not { } path)
            {
                work(null);
                return;
            }

            path = HdfsPath.ToLocal(path);
            new HdfsStorage(call).StoreOf(path).Write(path, stream =>
            {
                using var table = start(stream, PredictView.Columns(top));
                work(table);
            });
        }
    }

    static int OnCluster(Call call, string to)
    {
        if (!SparkWorkers.IsCluster(call.Get(ClusterOptions.Master)))
            throw CliErrors.Value(ClusterOptions.Master.Option, call.Get(ClusterOptions.Master) ?? "", $"a Spark cluster for {s_to.Option}, sc://host:port");
        ClusterOptions.WarnOfIdle(call, [s_csv, s_parquet, s_save, TrainingTable.Threads], $"executors write the answers where {s_to.Option} says");
        using var model = ModelChoice.Load(call);
        var report = SparkPredict.RunAsync(
            new()
            {
                Executors = ClusterOptions.Executors(call), Model = model, Inputs = call.Arguments, Output = to, Top = call.Get(s_top), AbstainBelow = call.Get(EvaluationTable.AbstainBelow),
                Decode = PictureFiles.Decoding(call),
            },
            call.Stop).GetAwaiter().GetResult();
        PredictView.Print(call, report, to);
        return report.Failed > 0 ? ExitCodes.DataRejected : ExitCodes.Ok;
    }

    static int Run(Call call, ImageClassifier model, PictureList pictures, int top, IReadOnlyList<AnswerTable> tables)
    {
        var threads = call.Get(TrainingTable.Threads) ?? Environment.ProcessorCount;
        var view = new PredictView(call, model, pictures.All, top, tables, call.Get(s_save));
        var results = pictures.All.AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Clamp(threads, 1, 512)).WithMergeOptions(ParallelMergeOptions.NotBuffered)
            .WithCancellation(call.Stop).Select(picture => Predict(call, model, picture, top));
        try
        {
            foreach (var result in results)
                view.Show(result);
        }
        catch (OperationCanceledException) when (call.Stop.IsCancellationRequested)
        {
            // What is known stays: a table of answers is complete as far as it goes.
        }

        return view.Failed > 0 && !call.Stop.IsCancellationRequested ? ExitCodes.DataRejected : call.Done();
    }

    static PredictedPicture Predict(Call call, ImageClassifier model, ListedPicture picture, int top)
    {
        try
        {
            var answer = picture.Source is { } source
                ? model.Classify(source, picture.Index, top, call.Stop)
                : model.Classify(ImageDecoder.Decode(PictureFiles.Read(call, picture.Name), model.Preprocess.ForDecoding(PictureFiles.Decoding(call))), top);
            var unsure = call.Get(EvaluationTable.AbstainBelow) is { } least && !(answer.Predictions[0].Probability >= least);
            return new(picture, answer with { IsUnknown = answer.IsUnknown || unsure }, null);
        }
        catch (MlNetCifarException e)
        {
            return new(picture, null, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(picture, null, CliErrors.Disk(e));
        }
    }
}
