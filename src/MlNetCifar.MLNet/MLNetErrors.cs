using Microsoft.ML;

namespace MlNetCifar.MLNet;

/// <summary>The faults of pipelines: those of a schema are the exceptions that ML.NET throws, those of rows have codes MNC70xx.</summary>
internal static class MLNetErrors
{
    public static ArgumentOutOfRangeException NoColumn(string role, string name, IEnumerable<string> found, string option) => new(
        "inputSchema", $"Could not find {role} column '{name}'; the input has {Listed(found)}. Set {option}.");

    public static ArgumentOutOfRangeException OtherType(string role, string name, string expected, string actual, string cure) => new(
        "inputSchema", $"Schema mismatch for {role} column '{name}': expected {expected}, got {actual}. {cure}");

    public static MlNetCifarException NoRows(string column) => new(
        "MNC7001", ErrorKind.Data, $"No row of the view has a label in column '{column}'.", "Check the path that the loader was given, and the filters before the trainer.");

    public static MlNetCifarException OneClass(string column, string name) => new(
        "MNC7002", ErrorKind.Data, $"Column '{column}' has only one value, '{name}'; at least two classes are needed.", "Check that the labels are read from the right column.");

    public static MlNetCifarException UnknownLabel(string column, long row, string name, string where = "the validation set") => new(
        "MNC7003", ErrorKind.Data, $"The label '{name}' in column '{column}' is not among those trained on.", "Add pictures of it to the training view, or leave such rows out.", $"row {row} of {where}");

    public static MlNetCifarException BadPicture(string column, long row, MlNetCifarException cause) => new(
        "MNC7004", ErrorKind.Data, $"Column '{column}' holds no picture that can be read: {cause.Message}",
        "Correct or leave out the row; with OnBadImage.Skip for transforming, such rows get missing answers.", $"row {row}", cause);

    public static MlNetCifarException NoPicture(string what) => new("MNC7005", ErrorKind.Data, $"There is no picture: {what}.");

    public static MlNetCifarException BadPixels(string found, float scale) => new(
        "MNC7006", ErrorKind.Data, FormattableString.Invariant(
            $"{found} With {nameof(ImageNetworkOptions.PixelScale)} {scale} that is none of 0 … 255; it is to undo the scaling of the pipeline, as 255 undoes 1/255."));

    public static MlNetCifarException OtherVersion(string member) => new(
        "MNC7007", ErrorKind.Failure, $"Microsoft.ML {typeof(IDataView).Assembly.GetName().Version} has no '{member}', by which models are saved and loaded.", "Use Microsoft.ML 5.0.x.");

    public static MlNetCifarException Damaged(string entry) => new(
        "MNC7008", ErrorKind.Data, $"The model's archive has no entry '{entry}'.", "Save the model again.");

    public static MlNetCifarException TooNew(int found, int known) => new(
        "MNC7009", ErrorKind.Data, $"The model was saved in format {found}; this version reads up to {known}.", "Use a newer version of MlNetCifar.ML.");

    public static MlNetCifarException NoImages(string column, Exception inner) => new(
        "MNC7010", ErrorKind.Usage, $"The column '{column}' holds pictures of Microsoft.ML.ImageAnalytics, which this program does not have.",
        "Add that package, in the version of Microsoft.ML.", null, inner);

    public static ArgumentOutOfRangeException NoNames(string column) => new(
        "scored", $"The score column '{column}' does not name its slots, and the label has no key with as many values: which score is whose is not known. Train with a label that MapValueToKey made.");

    static string Listed(IEnumerable<string> names) => names.Any() ? string.Join(", ", names.Select(name => $"'{name}'")) : "no column";
}
