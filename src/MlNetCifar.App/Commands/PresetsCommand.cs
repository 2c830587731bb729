using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Training;
using Spectre.Console;

namespace MlNetCifar.App.Commands;

/// <summary>Lists the networks to choose from.</summary>
internal sealed class PresetsCommand() : Verb("presets", "List the networks to choose from: what each is for, its size, its speed here, what accuracy is known.")
{
    static readonly OptionDescription<bool> s_measure = OptionDescription.Of("measure", "BOOL", "Whether to measure the training speed, for a second or two each", OptionText.Bool, true);

    /// <summary>Each with where it was measured; the README has the commands.</summary>
    static readonly Dictionary<string, (string For, string Known)> s_about = new()
    {
        ["seed-cnn"] = ("a first look; small pictures on any machine", "0.786 on CIFAR-10, 30 epochs"),
        ["cats-dogs-cnn"] = ("two classes of photographs at 64×64 or more", "0.740 on 400 test photographs of cats and dogs"),
        ["elephas-mlp"] = ("a baseline without convolutions", "not measured"),
        ["advanced-cnn"] = ("good accuracy in little time; the next step after seed-cnn", "0.867 on CIFAR-10, 30 epochs"),
        ["resnet9"] = ("large data sets, where time does not matter", "not measured"),
        ["airbench94"] = ("the best known here, from 10,000 pictures of 32×32 on", "0.906 on CIFAR-10, 8 epochs, six views"),
        ["airbench96"] = ("the most accurate for small pictures, where hours do not matter: four times airbench94's operations, five times its epochs", "0.928 on CIFAR-10, 24 epochs in 2 hours, six views"),
        ["resnet18"] = ("photographs at 224×224, mostly as a backbone that was trained before", "as backbone 0.983 on 400 test photographs of cats and dogs"),
        ["resnet34"] = ("as resnet18, with twice the operations", "not measured"),
    };

    protected override IEnumerable<OptionDescription> OwnOptions => [ExperimentTable.Size, ExperimentTable.Grey, NetworkChoice.Classes, TrainingTable.Threads, s_measure];

    public override IReadOnlyList<string> Examples => ["--size 64 --classes 2"];

    public override int Run(Call call)
    {
        var size = call.Get(ExperimentTable.Size) ?? 32;
        var table = new Table().Border(TableBorder.Simple).AddColumns("Preset", "For").AddColumn(new TableColumn("Parameters").RightAligned())
            .AddColumn(new TableColumn("MFLOP").RightAligned()).AddColumn(new TableColumn("Images/s here").RightAligned()).AddColumn("Accuracy known");
        using (var bar = new Bar(call.Terminal, "measuring"))
        {
            foreach (var (i, name) in Architectures.Names.Index().TakeWhile(_ => !call.Stop.IsCancellationRequested))
            {
                bar.Advance((double)i / Architectures.Names.Length, $"measuring {name}");
                var network = Architectures.Create(name, size.Width, size.Height, call.Get(ExperimentTable.Grey) ? 1 : 3, call.Get(NetworkChoice.Classes));
                var recipe = Recipe(call, network);
                var parameters = NetworkSummary.Of(network, recipe with { BatchSize = 8 }, measure: false).Parameters;
                double? speed = call.Get(s_measure) ? NetworkBenchmark.Train(network, recipe, 0.5).ImagesPerSecond : null;
                var (suits, known) = s_about[name];
                if (call.Json)
                    Write(call, network, parameters, speed);
                else
                    table.AddRow(
                        name, Markup.Escape(suits), Invariant($"{parameters:N0}"), Invariant($"{network.Flops / 1e6:0.0}"), speed is null ? "" : Invariant($"{speed:N0}"),
                        Markup.Escape(known));
            }
        }

        if (!call.Json)
        {
            call.Terminal.Tables.Write(table);
            call.Terminal.Out.WriteLine(Invariant($"at {size.Width}×{size.Height}, {call.Get(NetworkChoice.Classes)} classes; images a second in training. Layers: mlnetcifar summary --preset NAME"));
        }

        return call.Done();
    }

    /// <summary>Batches small enough for a step of the largest networks, too, to take no longer than the measurement is meant to.</summary>
    static TrainingOptions Recipe(Call call, NetworkSpec network)
    {
        const double FlopsOfAStep = 4e10;
        const int Fewest = 32, Most = 256;
        var recipe = Recipes.For(network.Name);
        return recipe with { BatchSize = Math.Min(recipe.BatchSize, (int)Math.Clamp(FlopsOfAStep / network.Flops, Fewest, Most)), Threads = call.Get(TrainingTable.Threads) };
    }

    static void Write(Call call, NetworkSpec network, long parameters, double? speed) => JsonLine.Write(call.Terminal.Out, json =>
    {
        json.WriteString("preset", network.Name);
        json.WriteString("for", s_about[network.Name].For);
        json.WriteNumber("parameters", parameters);
        json.WriteNumber("flops", network.Flops);
        if (speed is { } measured)
            json.WriteNumber("imagesPerSecond", Math.Round(measured, 1));
        json.WriteString("known", s_about[network.Name].Known);
    });
}
