namespace MlNetCifar.Evaluation;

/// <summary>What came of one condition.</summary>
/// <param name="Name">The condition, for example <c>micro accuracy</c>.</param>
/// <param name="Passed">Whether it holds.</param>
/// <param name="Text">What was expected and what was found.</param>
public sealed record GateFinding(string Name, bool Passed, string Text);
