using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Pretrained;

namespace MlNetCifar.App.Commands;

/// <summary>Shows what a network would see of the training images.</summary>
internal sealed class ShowBatchCommand() : Verb("show-batch", "Show exactly what the network sees in training: resized, augmented, with labels, as page and picture.")
{
    static readonly OptionDescription<int> s_epoch = OptionDescription.Of("epoch", "N", "Epoch, from 1; each has its own order and changes", OptionText.Positive, 1);
    static readonly OptionDescription<int> s_images = OptionDescription.Of("images", "N", "Most pictures to show", OptionText.Positive, 64);
    static readonly OptionDescription<string?> s_out = OptionDescription.Text("out", "FILE", "The .html file to write; a .png file is written beside it", "batch.html");

    public override OptionDescription ArgumentOption => ExperimentTable.Data;

    protected override IEnumerable<OptionDescription> OwnOptions =>
    [
        .. ExperimentTable.OfData, .. ExperimentTable.OfNetwork, .. ExperimentTable.OfFineTuning, s_epoch, s_images, s_out, TrainingTable.All["batch-size"], TrainingTable.All["shuffle-window"], TrainingTable.Seed,
        TrainingTable.Threads, ExperimentTable.Augment, .. TrainingTable.Changes.Descriptions,
    ];

    public override IReadOnlyList<string> Common => ["data", "size", "preset", "backbone", "augment", "rotation", "brightness", "epoch", "images", "seed", "out"];

    public override IReadOnlyList<string> Examples => ["photos --size 64 --rotation 15 --out batch.html"];

    public override string Note => "With the options of 'train', the first pictures are those of that run's first batch.\nA frozen backbone sees all of them once, as they are (few of them mirrored, too).";

    public override int Run(Call call)
    {
        call.Values.Required(ExperimentTable.Data);
        var page = call.Get(s_out)!;
        OutputFile.Format(s_out, page, "the page", ".html", ".htm");
        var picture = Path.ChangeExtension(page, ".png");
        var experiment = new Experiment(ExperimentOptions.From(call.Values)) { Arguments = call.Values, Command = call.Command, Storage = new HdfsStorage(call), Backbones = new PretrainedBackbones() };
        experiment.Observers.Add(new ExperimentView(call));
        var shown = experiment.WriteBatch(page, picture, call.Get(s_epoch), call.Get(s_images), call.Stop);
        if (!call.Json)
        {
            call.Terminal.Out.WriteLine(Invariant($"{shown.Count:N0} pictures: {string.Join(", ", shown.GroupBy(s => s.Value).OrderBy(g => g.Key, StringComparer.Ordinal).Select(g => $"{g.Count()} {g.Key}"))}"));
            call.Terminal.Log($"page     {page}");
            call.Terminal.Log($"picture  {picture}");
            return call.Done();
        }

        foreach (var (name, label) in shown)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("path", name);
                json.WriteString("label", label);
            });
        return call.Done();
    }
}
