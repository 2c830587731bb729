using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace MlNetCifar.Tuning;

/// <summary>What one trial is to try.</summary>
public sealed class TrialSettings
{
    readonly Func<int, double, bool> _report;

    /// <summary>Settings of a trial.</summary>
    /// <param name="trialId">Its number, from 0.</param>
    /// <param name="parameters">A value for each parameter of the space, as text.</param>
    /// <param name="report">Told each step's metric; whether to go on. Null for a trial that nobody follows.</param>
    public TrialSettings(int trialId, IEnumerable<KeyValuePair<string, string>> parameters, Func<int, double, bool>? report = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(trialId);
        ArgumentNullException.ThrowIfNull(parameters);
        (TrialId, Parameters, _report) = (trialId, [.. parameters], report ?? ((_, _) => true));
    }

    /// <summary>Number of the trial, from 0, in the order of proposals.</summary>
    public int TrialId { get; }

    /// <summary>A value for each parameter, in the order of the space, as text that the option of that name reads.</summary>
    public ImmutableArray<KeyValuePair<string, string>> Parameters { get; }

    /// <summary>The value of a parameter.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="KeyNotFoundException">The space has no such parameter.</exception>
    public string Text(string name) =>
        Parameters.FirstOrDefault(p => p.Key == name) is { Key: not null } found ? found.Value : throw new KeyNotFoundException($"The space has no parameter '{name}'.");

    /// <summary>The value of a parameter that is a number.</summary>
    /// <param name="name">Its name.</param>
    /// <exception cref="KeyNotFoundException">The space has no such parameter.</exception>
    /// <exception cref="FormatException">It is a name, no number.</exception>
    public double Number(string name) => double.Parse(Text(name), NumberStyles.Float, CultureInfo.InvariantCulture);

    /// <summary>The trial's values as an options class whose space was <see cref="SearchSpace.Of{T}"/>; what is not searched keeps the class's own values.</summary>
    /// <typeparam name="T">The class.</typeparam>
    public T To<[DynamicallyAccessedMembers(SpaceAttributes.Needed)] T>()
        where T : class, new()
    {
        var options = new T();
        SpaceAttributes.Fill(typeof(T), options, this);
        return options;
    }

    /// <summary>Tells how the trial does, so that a hopeless one can end early.</summary>
    /// <param name="step">From 1, for example the epoch.</param>
    /// <param name="metric">Higher is better.</param>
    /// <returns>Whether to go on; a trial that need not gives what it has as its result.</returns>
    public bool Report(int step, double metric) => _report(step, metric);
}

/// <summary>How a trial ended.</summary>
public enum TrialState
{
    /// <summary>It ran to its end.</summary>
    Completed,

    /// <summary>It was ended early, for others did better at the same step.</summary>
    Pruned,

    /// <summary>It threw, hung, died, or gave no finite number.</summary>
    Failed,
}

/// <summary>What a trial gave.</summary>
public sealed record TrialResult
{
    /// <summary>What was tried.</summary>
    public required TrialSettings TrialSettings { get; init; }

    /// <summary>As measured, higher is better: of a sweep the accuracy on the validation images, 0 … 1.</summary>
    public required double Metric { get; init; }

    /// <summary>What is minimised: by default the negative metric. ∞ for a trial that failed.</summary>
    public double Loss { get => State == TrialState.Failed ? double.PositiveInfinity : field; init; } = double.NaN;

    /// <summary>How it ended. The default is completed.</summary>
    public TrialState State { get; init; }

    /// <summary>How long it took, in milliseconds; of one that was gone on with, since then.</summary>
    public double DurationInMilliseconds { get; init; }

    /// <summary>Code and words of the error of a trial that failed; null else.</summary>
    public string? Error { get; init; }

    /// <summary>The metric after each step that was told, from step 1 on.</summary>
    public ImmutableArray<double> Curve { get; init => field = value.IsDefault ? [] : value; } = [];

    /// <summary>What its network takes in use; null where that was not asked for.</summary>
    public TrialCost? Cost { get; init; }

    /// <summary>Which validation images were answered rightly, eight a byte from the lowest bit; empty where that is not known.</summary>
    public ImmutableArray<byte> Right { get; init => field = value.IsDefault ? [] : value; } = [];
}
