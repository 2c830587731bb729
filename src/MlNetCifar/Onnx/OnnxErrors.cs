namespace MlNetCifar.Onnx;

/// <summary>The faults of ONNX files (MNC41xx).</summary>
internal static class OnnxErrors
{
    public static MlNetCifarException Missing(string path) =>
        new("MNC4101", ErrorKind.Data, "There is no ONNX file here.", "Give the path of an .onnx file.", path);

    public static MlNetCifarException Unreadable(string path, Exception cause) =>
        new("MNC4101", ErrorKind.Data, $"The file cannot be read: {cause.Message}", "Check the file's permissions.", path, cause);

    public static MlNetCifarException TooLarge(string path, long bytes) =>
        new("MNC4102", ErrorKind.Data, FormattableString.Invariant($"The file has {bytes:N0} bytes; ONNX files have at most {Array.MaxLength:N0}."), "Give a smaller model.", path);

    public static MlNetCifarException Damaged(string path, string found) =>
        new("MNC4103", ErrorKind.Data, $"This is no ONNX file, or a damaged one: {Short(found)}.", "Export the model again.", path);

    public static MlNetCifarException Version(string path, string found, string expected) =>
        new("MNC4104", ErrorKind.Data, $"The file uses {found}; expected {expected}.", "Export the model again with another opset.", path);

    public static MlNetCifarException Node(string path, OnnxNode node, string found, string expected) =>
        new("MNC4105", ErrorKind.Data, $"Node {Short(node.Label)}: {Short(found)}; expected {expected}.", "Only chains of layers with residual blocks can be imported.", path);

    public static MlNetCifarException Graph(string path, string found) =>
        new("MNC4106", ErrorKind.Data, $"The graph cannot be imported: {Short(found)}.", "Only chains of layers with residual blocks, from one picture to one result, can be imported.", path);

    public static MlNetCifarException External(string path, string tensor) =>
        new("MNC4107", ErrorKind.Data, $"The elements of the tensor '{Short(tensor)}' are in another file.", "Save the model as one file.", path);

    public static MlNetCifarException Input(string path, string found, string expected) =>
        new("MNC4108", ErrorKind.Data, $"The input is {Short(found)}; expected {expected}.", "Give the size of the pictures that the model takes.", path);

    public static MlNetCifarException NoScaling(string path) =>
        new(
            "MNC4109", ErrorKind.Usage, "The file does not say how the pixels of a picture become the numbers that the network takes.",
            "Give mean and deviation of its training images (--mean, --std), or the ONNX file of its preprocessing (--preprocessing).", path);

    public static MlNetCifarException TwoScalings(string path) =>
        new("MNC4110", ErrorKind.Usage, "The file scales pixels itself, and a mean and deviation were given.", "Leave out --mean and --std.", path);

    public static MlNetCifarException NoSuchOutput(string path, string name, IEnumerable<string> known) =>
        new("MNC4111", ErrorKind.Usage, $"The graph has no output '{name}'; it has {Short(string.Join(", ", known))}.", "Name one of these.", path);

    public static MlNetCifarException ClassNames(string path, int found, int expected) =>
        new("MNC4112", ErrorKind.Usage, FormattableString.Invariant($"{found} class names were given for a network of {expected} outputs."), "Give one name an output, in their order.", path);

    public static MlNetCifarException TooMuch(string path) =>
        new("MNC4113", ErrorKind.Failure, "The model's weights have nearly 2 GB or more, which an ONNX file cannot hold.", "Export 16-bit or 8-bit weights of a smaller network.", path);

    public static MlNetCifarException Proof(string path, string found) =>
        new("MNC4114", ErrorKind.Data, $"The file cannot be checked by pictures of its own: {Short(found)}.", "Export it with pictures (--proof).", path);

    public static MlNetCifarException Preprocessing(string path, string found) =>
        new("MNC4115", ErrorKind.Usage, $"The model's preprocessing cannot be part of the graph: {found} has no form in ONNX.", "Export a model that takes prepared pixels (--input pixels).", path);

    public static MlNetCifarException Pickle(string path) =>
        new(
            "MNC4116", ErrorKind.Data, "This is a PyTorch file of pickled objects: a program, which is not run here.",
            "Save its tensors alone, in Python: safetensors.torch.save_file(model.state_dict(), 'model.safetensors').", path);

    public static MlNetCifarException WholeModel(string path) =>
        new("MNC4117", ErrorKind.Usage, "The file holds a whole model of this program, not weights alone.", "Use it as it is.", path);

    public static MlNetCifarException OtherScaling(string path, int found, int expected) =>
        new("MNC4118", ErrorKind.Usage, $"A mean and deviation of {found} channels were given for a network of {expected}.", "Give one number a channel.", path);

    static string Short(string text) => text.Length <= 400 ? text : text[..400] + "…";
}
