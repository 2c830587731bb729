using MlNetCifar.App.Cli;
using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.App.Commands.Models;

/// <summary>Makes a model file of a network that another program wrote.</summary>
internal sealed class ImportCommand() : Verb("import", "Make a model file of an ONNX file, whose network must be a chain of layers with residual blocks, or of PyTorch weights.")
{
    static readonly OptionDescription<string?> s_to = OptionDescription.Text("to", "FILE", "The .safetensors file to write");
    static readonly OptionDescription<string?> s_preprocessing = OptionDescription.Text(
        "preprocessing", "FILE", "An ONNX file that turns pixels from 0 to 255 into what the model takes");

    static readonly OptionDescription<float[]?> s_mean = OptionDescription.Of<float[]?>(
        "mean", "R,G,B", "Mean of the pixels that the model was trained on, on the scale from 0 to 1, where no file says it", Numbers, null);

    static readonly OptionDescription<float[]?> s_std = OptionDescription.Of<float[]?>("std", "R,G,B", "Standard deviation of these pixels", Numbers, null);
    static readonly OptionDescription<ImageSize?> s_size = OptionDescription.Of<ImageSize?>(
        "size", "WxH", "Size of the pictures, for a file that leaves it open", text => OptionText.Size(text), null);

    static readonly OptionDescription<string?> s_output = OptionDescription.Text("output-name", "NAME", "The output to import up to; without it the first");
    static readonly OptionDescription<string?> s_classes = OptionDescription.Text("class-names", "FILE", "A text file with the name of one class a line, in the order of the outputs");

    static readonly OptionDescription<string?> s_preset = OptionDescription.Text(
        "preset", "NAME", "The network that a .safetensors file of torchvision, timm or PyTorch holds weights of, for example resnet18");

    public override string Arguments => "FILE";

    public override string ArgumentsHelp => "An ONNX file of any program, weights included; with --preset a .safetensors file";

    protected override IEnumerable<OptionDescription> OwnOptions => [s_to, s_preset, s_preprocessing, s_mean, s_std, s_size, s_output, s_classes];

    public override IReadOnlyList<string> Examples =>
        ["resnet.onnx --mean 0.485,0.456,0.406 --std 0.229,0.224,0.225 --to resnet.safetensors", "weights.safetensors --preset resnet18 --to resnet18.safetensors"];

    public override int Run(Call call)
    {
        var target = call.Values.Required(s_to);
        using var model = Import(call);
        model.Save(target);
        var (network, sha256) = (model.Network, model.Weights.Sha256());
        if (call.Json)
        {
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("path", target);
                json.WriteString("network", network.Name);
                json.WriteNumber("layers", network.Layers.Length);
                json.WriteNumber("parameters", model.Weights.ParameterCount);
                json.WriteNumber(model.IsClassifier ? "classes" : "features", network.Classes);
                json.WriteString("weightsSha256", sha256);
                json.WriteStartArray("notes");
                foreach (var note in model.Notes)
                    json.WriteStringValue(note);
                json.WriteEndArray();
            });
            return ExitCodes.Ok;
        }

        foreach (var note in model.Notes)
            call.Terminal.Log(note);
        var result = model.IsClassifier ? "classes" : "features, no classes";
        call.Terminal.Log(Invariant(
            $"{target}: '{network.Name}' for {network.Width}×{network.Height} pixels, {model.Weights.ParameterCount:N0} parameters, {network.Classes:N0} {result}, weights' SHA-256 {sha256}"));
        return ExitCodes.Ok;
    }

    static ImportedModel Import(Call call)
    {
        var (file, options) = (call.Arguments[0], ImportOptions(call));
        if (call.Get(s_preset) is not { } preset)
            return file.EndsWith(".safetensors", StringComparison.OrdinalIgnoreCase)
                ? throw CliErrors.Syntax($"Weights alone do not say what network they are of: {s_preset.Option} does.", "mlnetcifar import")
                : OnnxImport.Load(file, options);
        if (options.Preprocessing is not null || options.Output is not null)
            throw CliErrors.Syntax($"{s_preprocessing.Option} and {s_output.Option} are for ONNX files, {s_preset.Option} for weights alone.", "mlnetcifar import");
        return WeightImport.Load(file, new() { Preset = preset, Size = options.Size, Classes = options.Classes, Normalization = options.Normalization });
    }

    static OnnxImportOptions ImportOptions(Call call)
    {
        var (mean, std) = (call.Get(s_mean), call.Get(s_std));
        if (mean is null != std is null || mean?.Length != std?.Length)
            throw CliErrors.Syntax($"{s_mean.Option} and {s_std.Option} need each other, with one number a channel in both.", "mlnetcifar import");
        return new()
        {
            Preprocessing = call.Get(s_preprocessing),
            Normalization = mean is null ? null : new Normalization(mean, std!),
            Size = call.Get(s_size) is { } size ? (size.Height, size.Width) : null,
            Output = call.Get(s_output),
            Classes = call.Get(s_classes) is { } names ? ClassNames(names) : null,
        };
    }

    static string[] ClassNames(string path)
    {
        IFileStore store = LocalFileStore.Instance;
        var bytes = store.ReadFile(path, store.FindLength(path) ?? throw CliErrors.InputNotFound(path), 1 << 24);
        return [.. System.Text.Encoding.UTF8.GetString(bytes).Split('\n').Select(line => line.Trim()).Where(line => line.Length > 0)];
    }

    static float[] Numbers(string text)
    {
        var numbers = text.Split(',').Select(part => OptionText.Number(part.Trim())).ToArray();
        return numbers.Length is 1 or 3 ? numbers : throw new FormatException("one number, or three with commas between them");
    }
}
