using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Files;
using MlNetCifar.Pretrained;

namespace MlNetCifar.App.Commands.Models;

/// <summary>Formats of an exported model.</summary>
internal enum ExportFormat
{
    Safetensors,
    Onnx,
}

/// <summary>Writes a trained model to a file of its own.</summary>
internal sealed class ExportCommand() : Verb("export", "Write a trained model to one file, to keep, to ship, or for other programs as ONNX.")
{
    const string Onnx = "ONNX";

    static readonly OptionDescription<string?> s_out = OptionDescription.Text("out", "FILE", "The .safetensors or .onnx file to write");
    static readonly OptionDescription<ExportFormat?> s_format = OptionDescription.Of<ExportFormat?>(
        "format", "NAME", "safetensors, which this program reads, or onnx; without it what the file's ending says", text => OptionText.Choice<ExportFormat>(text), null);

    static readonly OptionDescription<bool> s_half = OptionDescription.Flag("half", "Round filters and matrices to 16-bit floats: half the size, the same speed");
    static readonly OptionDescription<OnnxInput> s_input = OptionDescription.Of(
        "input", "NAME", "What the model takes: pixels, bytes [N, H, W, C] that it scales itself, normalized, floats [N, C, H, W], or pictures, bytes [1, height, width, 3] of any size that it resizes itself too", OptionText.Choice<OnnxInput>, OnnxInput.Pixels, Onnx);

    static readonly OptionDescription<OnnxWeights> s_precision = OptionDescription.Of(
        "precision", "NAME", "How filters and matrices are held: float32, float16 or int8; the computation is in 32-bit floats", OptionText.Choice<OnnxWeights>, OnnxWeights.Float32, Onnx);

    static readonly OptionDescription<int?> s_opset = OptionDescription.Of<int?>(
        "opset", "N", "Version of the operators, 13 to 24", text => Opset(text), null, Onnx, "17, or 18 for --input pictures");
    static readonly OptionDescription<bool> s_fold = OptionDescription.Flag("fold-batch-norm", "Make batch normalisations part of the convolutions before them", Onnx);
    static readonly OptionDescription<string?> s_license = OptionDescription.Text("license", "NAME", "Licence of the model, for its metadata; without it that of the backbone that its run had, if any", group: Onnx);

    static readonly OptionDescription<bool> s_noCard = OptionDescription.Flag("no-card", "Write no model card, FILE.md, beside the file", Onnx);

    protected override IEnumerable<OptionDescription> OwnOptions => [EvaluationTable.Model, s_out, s_format, s_half, s_input, s_precision, s_opset, s_fold, s_license, s_noCard, .. ProofPictures.Options];

    public override IReadOnlyList<string> Examples =>
        ["--model runs/train/seed-cnn --half --out photos.safetensors", "--model runs/train/seed-cnn --precision int8 --out photos.onnx"];

    public override int Run(Call call)
    {
        var target = call.Values.Required(s_out);
        if (call.Get(s_opset) is { } opset && OnnxExportOptions.OldestOpset(call.Get(s_input)) is var oldest && opset < oldest)
            throw CliErrors.Syntax(Invariant($"'{s_input.Option} pictures' needs {s_opset.Option} {oldest} or newer."), "mlnetcifar export");
        string[] endings = call.Get(s_format) switch { ExportFormat.Onnx => [".onnx"], ExportFormat.Safetensors => [".safetensors"], _ => [".safetensors", ".onnx"] };
        var format = OutputFile.Format(s_out, target, "a model", endings) == ".onnx" ? ExportFormat.Onnx : ExportFormat.Safetensors;
        var path = ModelChoice.Path(call);
        using var model = RunFolder.LoadModel(path, new HdfsStorage(call));
        var proof = ProofPictures.Find(call, path, model);
        using var written = call.Get(s_half) ? model.ToHalfPrecision() : null;
        var result = written ?? model;
        if (format == ExportFormat.Onnx)
            result.ExportOnnx(target, OnnxOptions(call, path) with { Proof = proof });
        else
            result.Save(target, proof);
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
        if (format == ExportFormat.Onnx && result.Calibration is { Views: > 1 } calibration)
            call.Terminal.Warn(Invariant($"The model was calibrated on the mean of {calibration.Views} views of each picture; the exported one looks at the picture alone."));
        return ExitCodes.Ok;
    }

    static OnnxExportOptions OnnxOptions(Call call, string path) => new()
    {
        Input = call.Get(s_input),
        Weights = call.Get(s_half) && call.Get(s_precision) == OnnxWeights.Float32 ? OnnxWeights.Float16 : call.Get(s_precision),
        Opset = call.Get(s_opset),
        FoldBatchNorm = call.Get(s_fold),
        License = call.Get(s_license) ?? LicenceOfBackbone(path) ?? "",
        ModelCard = !call.Get(s_noCard),
    };

    /// <summary>A model on a backbone holds the weights of that, whose licence asks to be named.</summary>
    static string? LicenceOfBackbone(string path) =>
        ModelChoice.RunOf(path) is { } run && RunSummary.BackboneOf(run) is { } backbone && new PretrainedBackbones().LicenceOf(backbone) is { } licence ? $"backbone {backbone}: {licence}" : null;

    static int Opset(string text) =>
        OptionText.Int(text) is var value && value >= OnnxExportOptions.Opsets.Oldest && value <= OnnxExportOptions.Opsets.Newest ? value : throw new FormatException("a version from 13 to 24");
}
