using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using Spectre.Console;

namespace MlNetCifar.App.Commands;

/// <summary>Describes a network.</summary>
internal sealed class SummaryCommand() : Verb("summary", "Describe a network: layers, shapes, parameters, operations, memory, algorithms and time per epoch.")
{
    static readonly OptionDescription<int> s_images = OptionDescription.Of("images", "N", "Training images of an epoch", OptionText.Positive, 50_000);
    static readonly OptionDescription<bool> s_measure = OptionDescription.Of("measure", "BOOL", "Whether to measure the speed for two seconds", OptionText.Bool, true);

    protected override IEnumerable<OptionDescription> OwnOptions =>
    [
        EvaluationTable.Model, .. NetworkChoice.All, TrainingTable.All["batch-size"], TrainingTable.All["optimizer"], TrainingTable.Threads, s_images, s_measure,
    ];

    public override IReadOnlyList<string> Examples => ["--preset resnet9", "--model runs/train/seed-cnn"];

    public override int Run(Call call)
    {
        // A network of a preset where one is described, else that of a model.
        using var model = call.Get(EvaluationTable.Model) is null && NetworkChoice.All.Any(call.Values.IsGiven) ? null : ModelChoice.Load(call);
        var network = model?.Network ?? NetworkChoice.Create(call);
        var options = NetworkChoice.Training(call, new());
        var summary = NetworkSummary.Of(network, options, call.Get(s_measure));
        if (call.Json)
            PrintJson(call, summary);
        else
            Print(call, summary, options);
        return ExitCodes.Ok;
    }

    static void Print(Call call, NetworkSummary summary, TrainingOptions options)
    {
        var table = new Table().Border(TableBorder.Simple).AddColumns("Layer", "Details", "Output")
            .AddColumn(new TableColumn("Parameters").RightAligned()).AddColumn(new TableColumn("MFLOP").RightAligned()).AddColumn("Algorithm");
        foreach (var layer in summary.Layers)
            table.AddRow(
                Markup.Escape(layer.Name), Markup.Escape(layer.Details), Markup.Escape(layer.Output), layer.Parameters == 0 ? "" : Invariant($"{layer.Parameters:N0}"),
                layer.Flops < 5e3 ? "" : Invariant($"{layer.Flops / 1e6:0.00}"), Markup.Escape(layer.Algorithm));
        call.Terminal.Tables.Write(table);
        var text = call.Terminal.Out;
        var network = summary.Network;
        text.WriteLine($"network          {network.Name}, input {network.Height}×{network.Width}×{network.Channels}, {network.Classes} classes");
        text.WriteLine(Invariant($"parameters       {summary.Parameters:N0} ({OptionText.OfBytes(4.0 * summary.Parameters)})"));
        text.WriteLine(Invariant($"operations       {summary.Network.Flops / 1e6:0.0} MFLOP forward an image, about three times that in training"));
        var (all, planned) = (OptionText.OfBytes(summary.TrainingBytes), OptionText.OfBytes(summary.PlannedBytes));
        var rest = OptionText.OfBytes(summary.TrainingBytes - summary.PlannedBytes);
        text.WriteLine($"memory, training {all} at batch {options.BatchSize}: {planned} activations and scratch, {rest} weights, gradients and optimizer");
        text.WriteLine($"memory, in use   {OptionText.OfBytes(summary.InferenceBytes)} at batch {options.BatchSize}");
        if (summary.ImagesPerSecond is { } speed)
            text.WriteLine(
                Invariant($"time             {Duration(call.Get(s_images) / speed)} an epoch of {call.Get(s_images):N0} images, ")
                + Invariant($"at {speed:N0} images/s on {options.Threads ?? Environment.ProcessorCount} threads (measured)"));
    }

    static void PrintJson(Call call, NetworkSummary summary)
    {
        foreach (var layer in summary.Layers)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("layer", layer.Name);
                json.WriteString("details", layer.Details);
                json.WriteString("output", layer.Output);
                json.WriteNumber("parameters", layer.Parameters);
                json.WriteNumber("flops", layer.Flops);
                json.WriteString("algorithm", layer.Algorithm);
            });
        JsonLine.Write(call.Terminal.Out, json =>
        {
            json.WriteString("network", summary.Network.Name);
            json.WriteNumber("parameters", summary.Parameters);
            json.WriteNumber("flops", summary.Network.Flops);
            json.WriteNumber("trainingBytes", summary.TrainingBytes);
            json.WriteNumber("inferenceBytes", summary.InferenceBytes);
            if (summary.ImagesPerSecond is not { } speed)
                return;
            json.WriteNumber("imagesPerSecond", Math.Round(speed, 1));
            json.WriteNumber("secondsPerEpoch", Math.Round(call.Get(s_images) / speed, 2));
        });
    }

    static string Duration(double seconds) => OptionText.Of(TimeSpan.FromSeconds(seconds < 10 ? Math.Round(seconds, 1) : Math.Round(seconds)));
}
