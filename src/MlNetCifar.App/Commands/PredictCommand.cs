using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Imaging;

namespace MlNetCifar.App.Commands;

/// <summary>Names what is on pictures.</summary>
internal sealed class PredictCommand() : Verb("predict", "Name what is on pictures: the most probable classes of each.")
{
    static readonly OptionDescription<int> s_top = OptionDescription.Of("top", "N", "Classes to print for each picture", OptionText.Positive, 3);

    public override string Arguments => "FILE...";

    public override string ArgumentsHelp => "Image files, folders of them, also on hdfs://, or - for standard input";

    public override (int Least, int Most) ArgumentCount => (0, 100_000);

    protected override IEnumerable<OptionDescription> OwnOptions => [EvaluationTable.Model, s_top, EvaluationTable.AbstainBelow, .. PictureFiles.Options, TrainingTable.Threads];

    public override IReadOnlyList<string> Examples => ["photo.jpg", "--model runs/train/seed-cnn --json photos", "- < photo.jpg"];

    public override int Run(Call call)
    {
        if (call.Arguments.Count == 0)
            throw CliErrors.NoInput();
        var files = call.Arguments.SelectMany(a => PictureFiles.Find(call, a)).ToList();
        using var model = ModelChoice.Load(call);
        var top = Math.Min(call.Get(s_top), model.Classes.Length);
        var threads = call.Get(TrainingTable.Threads) ?? Environment.ProcessorCount;
        var results = files.AsParallel().AsOrdered().WithDegreeOfParallelism(Math.Clamp(threads, 1, 512)).WithMergeOptions(ParallelMergeOptions.NotBuffered)
            .WithCancellation(call.Stop).Select(file => Predict(call, model, file, top));
        var failed = call.Json ? PredictView.PrintJson(call, results) : PredictView.PrintTable(call, results);
        return failed > 0 ? ExitCodes.DataRejected : call.Done();
    }

    static PredictedPicture Predict(Call call, ImageClassifier model, string file, int top)
    {
        try
        {
            var answer = model.Classify(ImageDecoder.Decode(PictureFiles.Read(call, file), model.Preprocess.ForDecoding(PictureFiles.Decoding(call))), top);
            var unsure = call.Get(EvaluationTable.AbstainBelow) is { } least && !(answer.Predictions[0].Probability >= least);
            return new(file, answer with { IsUnknown = answer.IsUnknown || unsure }, null);
        }
        catch (MlNetCifarException e)
        {
            return new(file, null, e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return new(file, null, CliErrors.Disk(e));
        }
    }
}
