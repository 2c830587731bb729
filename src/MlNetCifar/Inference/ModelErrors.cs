namespace MlNetCifar.Inference;

/// <summary>The faults of model files (MNC40xx).</summary>
internal static class ModelErrors
{
    public static MlNetCifarException Missing(string path) =>
        new("MNC4001", ErrorKind.Data, "There is no model file here.", "Give the path of a .safetensors file that training wrote, for example runs/train/<name>/weights/best.safetensors.", path);

    public static MlNetCifarException NotSafeTensors(string path, string found) =>
        new("MNC4002", ErrorKind.Data, $"This is no safetensors file: {found}.",
            path.EndsWith(".onnx", StringComparison.OrdinalIgnoreCase) ? "Make a model file of it with 'import'." : "Give a file that training wrote.", path);

    public static MlNetCifarException Foreign(string path) =>
        new("MNC4003", ErrorKind.Data, "The file holds tensors but no description of a network (metadata key 'mlnetcifar').", "Give a file that training wrote; 'import' makes one of weights from elsewhere, which lack classes and preprocessing.", path);

    public static MlNetCifarException Version(string path, int found, int known) =>
        new("MNC4004", ErrorKind.Data, $"The model file has format version {found}; this program reads up to {known}.", "Update the program.", path);

    public static MlNetCifarException Damaged(string path, string found) =>
        new("MNC4005", ErrorKind.Data, $"The model file is damaged: {found}.", "Restore it from a copy, or train again.", path);

    public static MlNetCifarException Unwritable(string path, Exception cause) =>
        new("MNC4006", ErrorKind.Failure, $"The model cannot be written: {cause.Message}", "Check the folder's permissions and free space; nothing was changed.", path, cause);

    public static MlNetCifarException Unreadable(string path, Exception cause) =>
        new("MNC4007", ErrorKind.Data, $"The model cannot be read: {cause.Message}", "Check the file's permissions.", path, cause);

    public static MlNetCifarException OtherImages(string found, string expected) =>
        new("MNC4008", ErrorKind.Usage, $"The images do not fit the model: found {found}; expected {expected}.", "Prepare them with the model's preprocessing.");

    public static MlNetCifarException OtherClasses(string difference) =>
        new("MNC4008", ErrorKind.Usage, $"The images do not fit the model: {difference}.", "Labels are compared by number: open the images with the model's classes.");

    public static MlNetCifarException FeaturesOnly(string path, string network) =>
        new("MNC4010", ErrorKind.Usage, $"The file holds '{network}', which gives features of a picture and knows no classes.", "Train a classifier on its features.", path);

    public static MlNetCifarException OtherMember(string found, string expected, string difference) =>
        new("MNC4011", ErrorKind.Usage, $"Model {found} does not belong with model {expected}: it has {difference}.", "Give models that were trained on pictures of the same classes, prepared alike.");

    public static MlNetCifarException OtherSize(string network, ImageSize own, ImageSize asked, string because) =>
        new("MNC4012", ErrorKind.Usage, $"'{network}', made for pictures of {own.Width}×{own.Height}, cannot take those of {asked.Width}×{asked.Height}: {because}.", "Choose another size, or leave it to the network.");

    public static MlNetCifarException NoFeatures(string network) =>
        new("MNC4009", ErrorKind.Usage, $"Network '{network}' has no features: it has no dense layer behind others, or one of more than {LastFeatures.Most} inputs.", "Use the logits.");
}
