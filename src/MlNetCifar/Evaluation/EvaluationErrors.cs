using System.Diagnostics.CodeAnalysis;

namespace MlNetCifar.Evaluation;

/// <summary>The errors of evaluation, MNC50xx, one factory each.</summary>
internal static class EvaluationErrors
{
    [DoesNotReturn]
    public static void NoImages() => throw new MlNetCifarException(
        "MNC5001", ErrorKind.Data, "There is no image with usable scores to evaluate.", "Check that the split is not empty.");

    [DoesNotReturn]
    public static void LabelOutOfRange(long row, int label, int classes) => throw new MlNetCifarException(
        "MNC5002", ErrorKind.Data, $"Row {row} has label {label}; expected 0 … {classes - 1}.", "Evaluate with the classes the model was trained on.");

    [DoesNotReturn]
    public static void NonFiniteScore(long row, int column) => throw new MlNetCifarException(
        "MNC5003", ErrorKind.Data, $"Row {row} has a score that is not finite, in column {column}.", "Train with a smaller learning rate or gradient clipping.");

    [DoesNotReturn]
    public static void ForeignAccumulator(Exception? inner = null) => throw new MlNetCifarException(
        "MNC5004", ErrorKind.Data, "These bytes are no evaluation of this version, or were cut short.", "Evaluate the shard again.", null, inner);
}
