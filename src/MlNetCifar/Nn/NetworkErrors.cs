using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>The faults of network descriptions (MNC20xx).</summary>
internal static class NetworkErrors
{
    public static MlNetCifarException Shape(string layer, string found, string expected) =>
        new("MNC2001", ErrorKind.Usage, $"Layer {layer}: found {found}; expected {expected}.", "Change the layer or the one before it, or the size of the pictures.");

    public static MlNetCifarException Option(string layer, string found, string expected) =>
        new("MNC2002", ErrorKind.Usage, $"Layer {layer}: {found}; expected {expected}.");

    public static MlNetCifarException Undefined<TEnum>(string layer, TEnum value)
        where TEnum : struct, Enum
        => Option(layer, $"{typeof(TEnum).Name} is {value}", $"one of {string.Join(", ", Enum.GetNames<TEnum>())}");

    public static MlNetCifarException Outputs(string name, Shape output, int expected) =>
        new(
            "MNC2003",
            ErrorKind.Usage,
            $"Network '{name}' ends in shape {output}; its loss over the classes needs [N, 1, 1, {expected}].",
            "End it with Flatten or a global pooling and a Linear layer of that many outputs.");

    public static MlNetCifarException UnknownPreset(string name, IEnumerable<string> known) =>
        new("MNC2004", ErrorKind.Usage, $"There is no preset '{name}'.{Spelling.Question(name, known)}", $"Choose one of {string.Join(", ", known)}.");

    public static MlNetCifarException Description(string found, string? path) =>
        new("MNC2005", ErrorKind.Data, $"The network description cannot be read: {found}.", "Save the model again with this version.", path);

    public static MlNetCifarException Weights(string found, string expected, string? path) =>
        new("MNC2006", ErrorKind.Data, $"The weights do not fit the network: found {found}; expected {expected}.", "Use weights saved from the same architecture.", path);

    public static MlNetCifarException UnknownLayer(string kind, IEnumerable<string> known, string? path) =>
        new(
            "MNC2007",
            ErrorKind.Data,
            $"The network holds a layer of kind '{kind}', which is not registered; registered are {string.Join(", ", known)}.",
            $"Call LayerRegistry.Register(\"{kind}\", …) with the function that reads it, before the file is read.",
            path);

    public static MlNetCifarException NotExportable(string layer) =>
        new("MNC2009", ErrorKind.Usage, $"Layer {layer} has no form in ONNX.", "Only networks of the layers that come with the library can be exported.");

    public static MlNetCifarException Declaration(string layer, string found, string expected) =>
        new("MNC2008", ErrorKind.Usage, $"Layer {layer} declares {found}; expected {expected}.", "Correct the layer's class.");
}
