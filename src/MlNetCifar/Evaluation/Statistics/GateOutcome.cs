namespace MlNetCifar.Evaluation;

/// <summary>The findings of a <see cref="QualityGate"/>. Immutable.</summary>
/// <param name="Name">Name of the gate.</param>
/// <param name="Findings">One for each condition, in the order they were asked for.</param>
/// <param name="Message">The whole outcome as text: what fell short, the worst classes, where the report is.</param>
public sealed record GateOutcome(string Name, IReadOnlyList<GateFinding> Findings, string Message)
{
    /// <summary>Whether every condition holds.</summary>
    public bool Passed => Findings.All(finding => finding.Passed);

    /// <summary>Throws unless every condition holds.</summary>
    /// <exception cref="MlNetCifarException">A condition does not hold (MNC5009); the message is <see cref="Message"/>.</exception>
    public void ThrowIfFailed()
    {
        if (!Passed)
            throw EvaluationErrors.GateFailed(Message);
    }

    /// <summary>The outcome as JUnit XML, which CI systems show as tests: one test case a condition.</summary>
    public string ToJUnitXml() => JUnitXml.Of(this);
}
