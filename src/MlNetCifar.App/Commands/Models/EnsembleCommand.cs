using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Data;
using MlNetCifar.Files;

namespace MlNetCifar.App.Commands.Models;

/// <summary>Makes one model file of several.</summary>
internal sealed class EnsembleCommand() : Verb("ensemble", "Make one model of several: the mean of their probabilities, a fitted mean, or the mean of their weights.")
{
    static readonly OptionDescription<string?> s_to = OptionDescription.Text("to", "FILE", "The .safetensors file to write; NAME.split beside it tells what its members were trained on, where their runs do");
    static readonly OptionDescription<EnsembleMethod> s_method = OptionDescription.Of(
        "method", "NAME",
        "average: the mean of probabilities; stack: a mean weighted by how well --data fit; soup: the mean of the weights of those that do no harm on --data, one network of a single one's speed",
        OptionText.Choice<EnsembleMethod>, EnsembleMethod.Average);

    static readonly OptionDescription<DatasetSplit?> s_subset = OptionDescription.Of<DatasetSplit?>(
        "subset", "NAME", $"Which split of --data: {OptionText.Choices<DatasetSplit>()}", text => OptionText.Choice<DatasetSplit>(text), null, defaultText: "validation, else what no model was trained on");

    static readonly OptionDescription<string?> s_data = OptionDescription.Text(
        "data", "PATH", "Labelled images that no model was trained on: they fit the weights, calibrate the result, and tell how it does");

    public override string Arguments => "MODEL MODEL...";

    public override string ArgumentsHelp => "Model files, or folders of runs";

    public override (int Least, int Most) ArgumentCount => (2, 64);

    protected override IEnumerable<OptionDescription> OwnOptions => [s_to, s_method, s_data, s_subset, TrainingTable.Threads];

    public override IReadOnlyList<string> Examples =>
        ["runs/train/seed-cnn runs/train/seed-cnn2 --to ensemble.safetensors", "a.safetensors b.safetensors c.safetensors --method stack --data photos --to ensemble.safetensors"];

    public override int Run(Call call)
    {
        var target = call.Values.Required(s_to);
        OutputFile.Format(s_to, target, "a model", ".safetensors");
        if (call.Get(s_method) != EnsembleMethod.Average && call.Get(s_data) is null)
            throw CliErrors.Syntax($"'{s_method.Option} {OptionText.Of(call.Get(s_method))}' chooses by images: {s_data.Option} gives them.", "mlnetcifar ensemble");
        var experiment = new EnsembleExperiment(new()
        {
            Models = [.. call.Arguments], Method = call.Get(s_method), Data = call.Get(s_data), Subset = call.Get(s_subset), Threads = call.Get(TrainingTable.Threads),
        })
        { Storage = new HdfsStorage(call) };
        experiment.Observers.Add(new ExperimentView(call));
        using var result = experiment.Run(call.Stop);
        result.Save(target);
        Print(call, result, target);
        return ExitCodes.Ok;
    }

    static void Print(Call call, EnsembleResult result, string target)
    {
        if (call.Json)
        {
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("path", target);
                json.WriteString("network", result.Model.Network.Name);
                json.WriteString("weightsSha256", result.Model.WeightsSha256);
                json.WriteNumber("images", result.Images);
                Figures(json, result.Accuracy, result.LogLoss);
                json.WriteStartArray("models");
                foreach (var part in result.Parts)
                {
                    json.WriteStartObject();
                    json.WriteString("path", part.Path);
                    json.WriteNumber("weight", Math.Round(part.Weight, 6));
                    Figures(json, part.Accuracy, part.LogLoss);
                    json.WriteEndObject();
                }

                json.WriteEndArray();
            });
            return;
        }

        foreach (var part in result.Parts)
            call.Terminal.Out.WriteLine(Line(Invariant($"{part.Weight,7:0.000}"), part.Accuracy, part.LogLoss, part.Path));
        var bytes = LocalFileStore.Instance.FindLength(target) ?? 0;
        call.Terminal.Out.WriteLine(Line("       ", result.Accuracy, result.LogLoss, Invariant($"{target}: '{result.Model.Network.Name}', {OptionText.OfBytes(bytes)}, weights' SHA-256 {result.Model.WeightsSha256}")));
    }

    static string Line(string weight, double? accuracy, double? loss, string path) =>
        accuracy is null ? $"{weight}  {path}" : Invariant($"{weight}  accuracy {accuracy:0.0000}  log loss {loss:0.0000}  {path}");

    static void Figures(System.Text.Json.Utf8JsonWriter json, double? accuracy, double? loss)
    {
        if (accuracy is { } share)
            json.WriteNumber("accuracy", share);
        if (loss is { } nats)
            JsonLine.Number(json, "logLoss", nats);
    }
}
