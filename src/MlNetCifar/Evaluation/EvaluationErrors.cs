namespace MlNetCifar.Evaluation;

/// <summary>The errors of evaluation, MNC50xx, one factory each.</summary>
internal static class EvaluationErrors
{
    public static MlNetCifarException NoImages() => new(
        "MNC5001", ErrorKind.Data, "There is no image with usable scores to evaluate.", "Check that the split is not empty.");

    public static MlNetCifarException LabelOutOfRange(long row, int label, int classes) => new(
        "MNC5002", ErrorKind.Data, $"Row {row} has label {label}; expected 0 … {classes - 1}.", "Evaluate with the classes the model was trained on.");

    public static MlNetCifarException NonFiniteScore(long row, int column) => new(
        "MNC5003", ErrorKind.Data, $"Row {row} has a score that is not finite, in column {column}.", "Train with a smaller learning rate or gradient clipping.");

    public static MlNetCifarException ForeignAccumulator(Exception? inner = null) => new(
        "MNC5004", ErrorKind.Data, "These bytes are no evaluation of this version, or were cut short.", "Evaluate the shard again.", null, inner);

    public static MlNetCifarException MissingFile(string path) => new(
        "MNC5005", ErrorKind.Data, "The file does not exist, so the folder is no evaluated run.", "Run 'evaluate' into that folder first.", path);

    public static MlNetCifarException DamagedFile(string path, string what, Exception? inner = null) => new(
        "MNC5006", ErrorKind.Data, what, "Evaluate the run again.", path, inner);

    public static MlNetCifarException DifferentData(RunData a, RunData b) => new(
        "MNC5007", ErrorKind.Data,
        $"'{a.Name}' and '{b.Name}' were evaluated on different test data ({Short(a.DataHash)} with {a.Result.Count} images, {Short(b.DataHash)} with {b.Result.Count} images).",
        "Evaluate both on the same images; numbers from different images cannot be compared.");

    public static MlNetCifarException DamagedCalibration(Exception inner) => new(
        "MNC5008", ErrorKind.Data, $"The model's calibration cannot be read: {inner.Message}", "Calibrate the model again.", null, inner);

    public static MlNetCifarException GateFailed(string message) => new("MNC5009", ErrorKind.Failure, message);

    public static MlNetCifarException NotProbabilities(long row, string fault) => new(
        "MNC5010", ErrorKind.Data, $"Row {row} is no row of probabilities: it {fault}; expected numbers from 0 to 1 that add up to 1 (± {Probabilities.SumTolerance}).",
        "Apply softmax to logits first, or a sigmoid where there is one column.");

    static string Short(string hash) => hash.Length > 12 ? hash[..12] : hash;
}
