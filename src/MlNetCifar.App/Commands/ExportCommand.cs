using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Files;

namespace MlNetCifar.App.Commands;

/// <summary>Writes a trained model to a file of its own.</summary>
internal sealed class ExportCommand() : Verb("export", "Write a trained model to one file, to keep or to ship.")
{
    static readonly OptionDescription<string?> s_out = OptionDescription.Text("out", "FILE", "The .safetensors file to write");
    static readonly OptionDescription<bool> s_half = OptionDescription.Flag("half", "Round filters and matrices to 16-bit floats: half the size, the same speed");

    protected override IEnumerable<OptionDescription> OwnOptions => [EvaluationTable.Model, s_out, s_half];

    public override IReadOnlyList<string> Examples => ["--model runs/train/seed-cnn --half --out photos.safetensors"];

    public override int Run(Call call)
    {
        var target = call.Values.Required(s_out);
        OutputFile.Format(s_out, target, "a model", ".safetensors");
        using var model = ModelChoice.Load(call);
        using var written = call.Get(s_half) ? model.ToHalfPrecision() : null;
        var result = written ?? model;
        result.Save(target);
        var bytes = LocalFileStore.Instance.FindLength(target) ?? 0;
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("path", target);
                json.WriteNumber("bytes", bytes);
                json.WriteString("weightsSha256", result.WeightsSha256);
            });
        else
            call.Terminal.Log($"{target}: {(bytes > 0 ? $"{OptionText.OfBytes(bytes)}, " : "")}weights' SHA-256 {result.WeightsSha256}");
        return ExitCodes.Ok;
    }
}
