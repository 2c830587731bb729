using Microsoft.ML.Data;

namespace MlNetCifar.MSTest;

/// <summary>The figures of ML.NET's evaluators, by their names there.</summary>
public enum GateMetric
{
    /// <summary><see cref="MulticlassClassificationMetrics.MicroAccuracy"/>: share of images predicted correctly, 0 … 1.</summary>
    MicroAccuracy,

    /// <summary><see cref="MulticlassClassificationMetrics.MacroAccuracy"/>: mean recall of the classes, 0 … 1.</summary>
    MacroAccuracy,

    /// <summary><see cref="MulticlassClassificationMetrics.TopKAccuracy"/>: share of images whose class is among the best answers (5, unless the evaluation's options say otherwise), 0 … 1.</summary>
    TopKAccuracy,

    /// <summary><see cref="MulticlassClassificationMetrics.LogLoss"/>, in nats; lower is better, 0 is perfect.</summary>
    LogLoss,

    /// <summary><see cref="MulticlassClassificationMetrics.LogLossReduction"/>: advantage over the shares of the classes; 1 is perfect.</summary>
    LogLossReduction,

    /// <summary><see cref="BinaryClassificationMetrics.Accuracy"/> of two classes, 0 … 1.</summary>
    Accuracy,

    /// <summary><see cref="BinaryClassificationMetrics.AreaUnderRocCurve"/> of two classes, 0 … 1.</summary>
    AreaUnderRocCurve,

    /// <summary><see cref="BinaryClassificationMetrics.AreaUnderPrecisionRecallCurve"/> of two classes, 0 … 1.</summary>
    AreaUnderPrecisionRecallCurve,

    /// <summary><see cref="BinaryClassificationMetrics.F1Score"/> of the positive class of two, 0 … 1.</summary>
    F1Score,

    /// <summary><see cref="BinaryClassificationMetrics.PositivePrecision"/> of two classes, 0 … 1.</summary>
    PositivePrecision,

    /// <summary><see cref="BinaryClassificationMetrics.PositiveRecall"/> of two classes, 0 … 1.</summary>
    PositiveRecall,

    /// <summary><see cref="BinaryClassificationMetrics.NegativePrecision"/> of two classes, 0 … 1.</summary>
    NegativePrecision,

    /// <summary><see cref="BinaryClassificationMetrics.NegativeRecall"/> of two classes, 0 … 1.</summary>
    NegativeRecall,
}
