using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.App.Runs.Storage;
using MlNetCifar.Data;

namespace MlNetCifar.App.Commands;

/// <summary>Measures a trained model on labelled images.</summary>
internal sealed class EvaluateCommand() : Verb("evaluate", "Evaluate a trained model on labelled images and write a report.")
{
    public static Setting<DatasetSplit?> Subset { get; } = Cli.Settings.Of<DatasetSplit?>(
        "subset", "NAME", $"Which split: {Texts.Choices<DatasetSplit>()}", t => Texts.Choice<DatasetSplit>(t), null, "Data", "test where there is one, else all images");

    public override IReadOnlyList<string> Aliases => ["val"];

    protected override IEnumerable<Setting> OwnSettings =>
    [
        ModelSettings.Model, ModelSettings.Views, ModelSettings.AbstainBelow, DataSettings.Data, Subset, DataSettings.OnBadImage, DataSettings.Cache, DataSettings.CacheLimit,
        TrainingSettings.Find<int?>("threads"), .. RunFolder.All,
    ];

    public override IReadOnlyList<string> Examples => ["--model runs/train/seed-cnn --data photos", "--data hdfs:///shards --output hdfs:///runs"];

    public override int Run(Call call)
    {
        var data = call.Values.Required(DataSettings.Data);
        using var model = ModelSettings.Load(call);
        using var dataset = DataSettings.Open(call, data, model.Preprocess, model.Classes, call.Get(TrainingSettings.Find<int?>("threads")));
        var split = call.Get(Subset) ?? new[] { DatasetSplit.Test, DatasetSplit.Validation, DatasetSplit.Train }.First(dataset.Has);
        var images = dataset.Get(split);
        var folder = RunFolder.Create(call, Name, model.Network.Name);
        RunRecord.Arguments(folder, Name, call.Values);
        var job = new EvaluationJob(call, folder)
        {
            Title = $"{model.Network.Name} on {Path.GetFileName(Path.TrimEndingDirectorySeparator(data))}",
            Split = split.ToString().ToLowerInvariant(),
            Dataset = dataset,
            Views = call.Get(ModelSettings.Views),
            Threads = call.Get(TrainingSettings.Find<int?>("threads")),
            AbstainBelow = call.Get(ModelSettings.AbstainBelow),
        };
        var result = job.Run(model, images, call.Stop);
        job.Copy = RunCopy.Publish(call, folder, Name);
        job.Print(model, result);
        return call.Done();
    }
}
