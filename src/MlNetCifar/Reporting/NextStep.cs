namespace MlNetCifar;

/// <summary>Something to try next, and why.</summary>
/// <param name="Found">What the figures show: one sentence without a full stop.</param>
/// <param name="Try">What to do about it, where possible an option: one sentence without a full stop.</param>
public sealed record NextStep(string Found, string Try)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Found}: {Try}";
}
