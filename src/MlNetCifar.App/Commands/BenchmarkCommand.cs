using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Training;
using Spectre.Console;

namespace MlNetCifar.App.Commands;

/// <summary>Measures the engine.</summary>
internal sealed class BenchmarkCommand() : Verb("benchmark", "Measure training or inference speed of a network on synthetic images.")
{
    static readonly OptionDescription<double> s_seconds = OptionDescription.Of(
        "seconds", "N", "Length of the measurement", t => Math.Clamp(OptionText.Number(t), 0.1, 600), 6.0);

    public override string Arguments => "train|infer";

    public override string ArgumentsHelp => "Full training steps, or forward passes";

    protected override IEnumerable<OptionDescription> OwnOptions =>
        [.. NetworkChoice.All, TrainingTable.All.Find<int>("batch-size"), TrainingTable.All.Find<OptimizerKind>("optimizer"), TrainingTable.Threads, s_seconds];

    public override IReadOnlyList<string> Examples => ["train --preset seed-cnn", "infer --preset resnet9 --batch-size 256 --threads 1"];

    public override int Run(Call call)
    {
        var training = call.Arguments[0] switch
        {
            "train" => true,
            "infer" => false,
            var other => throw CliErrors.Value("The argument", other, "train or infer", "train", "infer"),
        };
        var network = NetworkChoice.Create(call);
        var options = NetworkChoice.Training(call, new());
        var seconds = call.Get(s_seconds);
        var result = training ? NetworkBenchmark.Train(network, options, seconds) : NetworkBenchmark.Infer(network, options, seconds);
        if (call.Json)
        {
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("network", network.Name);
                json.WriteString("what", call.Arguments[0]);
                json.WriteNumber("batchSize", options.BatchSize);
                json.WriteNumber("threads", options.Threads ?? Environment.ProcessorCount);
                json.WriteNumber("imagesPerSecond", Math.Round(result.ImagesPerSecond, 1));
                json.WriteNumber("gigaflops", Math.Round(result.Gigaflops, 2));
                json.WriteNumber("peakGigaflops", Math.Round(result.PeakGigaflops, 1));
                json.WriteStartArray("layers");
                foreach (var layer in result.Layers)
                {
                    json.WriteStartObject();
                    json.WriteString("layer", layer.Layer);
                    json.WriteString("algorithm", layer.Algorithm);
                    json.WriteNumber("forwardMilliseconds", Math.Round(layer.ForwardMilliseconds, 4));
                    json.WriteNumber("backwardMilliseconds", Math.Round(layer.BackwardMilliseconds, 4));
                    json.WriteNumber("gigaflops", Math.Round(layer.Gigaflops, 2));
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            });
            return ExitCodes.Ok;
        }

        var table = new Table().Border(TableBorder.Simple).AddColumns("Layer", "Algorithm").AddColumn(new TableColumn("Forward ms").RightAligned());
        if (training)
            table.AddColumn(new TableColumn("Backward ms").RightAligned());
        table.AddColumn(new TableColumn("GFLOP/s").RightAligned());
        table.AddColumn(new TableColumn("of peak").RightAligned());
        foreach (var layer in result.Layers)
        {
            string[] cells = [Markup.Escape(layer.Layer), Markup.Escape(layer.Algorithm), Invariant($"{layer.ForwardMilliseconds:0.000}")];
            string[] backward = training ? [Invariant($"{layer.BackwardMilliseconds:0.000}")] : [];
            table.AddRow([.. cells, .. backward, Invariant($"{layer.Gigaflops:0.0}"), Invariant($"{layer.Gigaflops / result.PeakGigaflops:P0}")]);
        }

        call.Terminal.Tables.Write(table);
        call.Terminal.Out.WriteLine(
            Invariant($"{network.Name} {call.Arguments[0]}, batch {options.BatchSize}, {options.Threads ?? Environment.ProcessorCount} threads: ")
            + Invariant($"{result.ImagesPerSecond:N0} images/s, {result.Gigaflops:0.0} GFLOP/s by direct count, ")
            + Invariant($"{result.Gigaflops / result.PeakGigaflops:P0} of the measured multiply-add peak of {result.PeakGigaflops:0} GFLOP/s"));
        if (result.Layers.Any(layer => layer.Gigaflops > result.PeakGigaflops))
            call.Terminal.Out.WriteLine("above 100 %: Winograd's algorithm multiplies less often than the direct count says");
        return ExitCodes.Ok;
    }
}
