namespace MlNetCifar;

/// <summary>An answer for one picture.</summary>
/// <param name="Predictions">The most probable classes, in falling order; calibrated where the model is.</param>
/// <param name="IsUnknown">Whether the answer should be <c>unknown</c>: too unsure, or unlike the validation images. Never without a calibration.</param>
/// <param name="LabelSet">
/// The classes that hold the true one as often as the calibration promises, in falling order; all of them, whatever number of predictions was
/// asked for. May be empty. Null without a calibration.
/// </param>
public sealed record Classification(IReadOnlyList<Prediction> Predictions, bool IsUnknown, IReadOnlyList<Prediction>? LabelSet);
