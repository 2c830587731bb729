namespace MlNetCifar;

/// <summary>One class and its probability.</summary>
/// <param name="Label">Name of the class.</param>
/// <param name="Index">Its index, 0 … classes − 1.</param>
/// <param name="Probability">0 … 1.</param>
public readonly record struct Prediction(string Label, int Index, float Probability);

/// <summary>An answer for one picture.</summary>
/// <param name="Predictions">The most probable classes, in falling order; calibrated where the model is.</param>
/// <param name="IsUnknown">Whether the answer should be <c>unknown</c>: too unsure, or unlike the validation images. Never without a calibration.</param>
/// <param name="LabelSet">
/// The classes that hold the true one as often as the calibration promises, in falling order; all of them, whatever number of predictions was
/// asked for. May be empty. Null without a calibration.
/// </param>
public sealed record Classification(IReadOnlyList<Prediction> Predictions, bool IsUnknown, IReadOnlyList<Prediction>? LabelSet);

/// <summary>What became of one of several files.</summary>
/// <param name="Path">The file.</param>
/// <param name="Answer">The answer; null where the file cannot be used.</param>
/// <param name="Fault">Why it cannot (MNC12xx); null where it can.</param>
public sealed record FileClassification(string Path, Classification? Answer, MlNetCifarException? Fault);
