namespace MlNetCifar;

/// <summary>One step of the search for a learning rate.</summary>
/// <param name="LearningRate">The rate.</param>
/// <param name="Loss">The smoothed loss at that rate, in nats.</param>
public readonly record struct RatePoint(double LearningRate, double Loss);

/// <summary>What <see cref="Trainer.FindLearningRate"/> found.</summary>
/// <param name="Suggestion">The rate at which nine tenths of the fall of the loss are done.</param>
/// <param name="Curve">All steps, rates rising, up to where the loss grew beyond measure.</param>
public sealed record RateCurve(double Suggestion, IReadOnlyList<RatePoint> Curve);
