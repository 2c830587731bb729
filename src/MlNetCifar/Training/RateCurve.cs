namespace MlNetCifar;

/// <summary>What <see cref="Trainer.FindLearningRate"/> found.</summary>
/// <param name="Suggestion">The rate at which nine tenths of the fall of the loss are done.</param>
/// <param name="Curve">The smoothed loss, in nats, at the rate of each step, rates rising, up to where the loss grew beyond measure.</param>
public sealed record RateCurve(double Suggestion, IReadOnlyList<(double LearningRate, double Loss)> Curve);
