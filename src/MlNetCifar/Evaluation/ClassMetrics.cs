namespace MlNetCifar.Evaluation;

/// <summary>One class: a row of <c>per_class.csv</c>.</summary>
/// <param name="Name">The class.</param>
/// <param name="Support">Images of the class.</param>
/// <param name="Predicted">Images predicted as the class.</param>
/// <param name="Correct">Images of the class that were predicted as such.</param>
/// <param name="Precision">Correct ÷ predicted, 0 … 1; 0 when nothing was predicted so.</param>
/// <param name="Recall">Correct ÷ support, 0 … 1; 0 when the class is absent.</param>
/// <param name="F1Score">2·P·R ÷ (P + R), 0 … 1; 0 when both are 0.</param>
/// <param name="LogLoss">Mean log-loss of its images, in nats; 0 when the class is absent, as in ML.NET.</param>
/// <param name="AreaUnderRocCurve">Against the rest, 0 … 1; NaN when undefined.</param>
/// <param name="AveragePrecision">Against the rest, 0 … 1; NaN when undefined.</param>
/// <param name="PrecisionInterval">Wilson interval of the precision.</param>
/// <param name="RecallInterval">Wilson interval of the recall.</param>
public sealed record ClassMetrics(
    string Name,
    long Support,
    long Predicted,
    long Correct,
    double Precision,
    double Recall,
    double F1Score,
    double LogLoss,
    double AreaUnderRocCurve,
    double AveragePrecision,
    Interval PrecisionInterval,
    Interval RecallInterval);
