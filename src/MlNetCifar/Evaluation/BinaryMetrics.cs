namespace MlNetCifar.Evaluation;

/// <summary>Metrics of two classes with ML.NET's names, seen from the positive class. An image is called positive when its probability exceeds 0.5.</summary>
/// <param name="PositiveClass">Name of the positive class.</param>
/// <param name="Accuracy">Share of images predicted correctly, 0 … 1.</param>
/// <param name="AreaUnderRocCurve">Probability that a positive image is ranked above a negative one, 0 … 1; NaN when a class is absent.</param>
/// <param name="AreaUnderPrecisionRecallCurve">By the trapezoid rule, as in ML.NET, 0 … 1; NaN without positive images.</param>
/// <param name="AveragePrecision">By steps, as in scikit-learn, 0 … 1; NaN without positive images.</param>
/// <param name="F1Score">2·P·R ÷ (P + R) of the positive class, 0 … 1; 0 when both are 0.</param>
/// <param name="PositivePrecision">Correct ÷ predicted positive; 0 when there are none.</param>
/// <param name="PositiveRecall">Correct ÷ positive images; 0 when there are none.</param>
/// <param name="NegativePrecision">Correct ÷ predicted negative; 0 when there are none.</param>
/// <param name="NegativeRecall">Correct ÷ negative images; 0 when there are none.</param>
/// <param name="LogLoss">Mean log-loss in bits (base 2), as ML.NET has it for two classes; lower is better.</param>
/// <param name="LogLossReduction">(prior − log-loss) ÷ prior, up to 1; 0 means no better than always answering with the shares of the classes.</param>
/// <param name="Entropy">Log-loss of that prior in bits.</param>
/// <param name="BrierScore">Mean (p − y)² of the positive class, 0 … 1, as in scikit-learn; lower is better.</param>
public sealed record BinaryMetrics(
    string PositiveClass,
    double Accuracy,
    double AreaUnderRocCurve,
    double AreaUnderPrecisionRecallCurve,
    double AveragePrecision,
    double F1Score,
    double PositivePrecision,
    double PositiveRecall,
    double NegativePrecision,
    double NegativeRecall,
    double LogLoss,
    double LogLossReduction,
    double Entropy,
    double BrierScore);
