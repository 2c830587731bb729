using System.Collections.Immutable;

namespace MlNetCifar.Tuning;

/// <summary>Proposes what to try. Called by one thread at a time.</summary>
public interface ITuner
{
    /// <summary>The values of a trial.</summary>
    /// <param name="trialId">Its number, from 0; trials are numbered in the order of proposals.</param>
    /// <returns>A value for each parameter of the space; null where there is nothing left to try.</returns>
    ImmutableArray<KeyValuePair<string, string>>? Propose(int trialId);

    /// <summary>Tells what a trial gave; also those of an earlier process, in any order.</summary>
    /// <param name="result">Of any state.</param>
    void Update(TrialResult result);
}

/// <summary>Runs trials. Called by several threads where trials run side by side.</summary>
public interface ITrialRunner
{
    /// <summary>Runs one trial.</summary>
    /// <param name="settings">What to try; <see cref="TrialSettings.Report"/> asks whether to go on.</param>
    /// <param name="cancellation">Ends it: the sweep's time is up, the trial's is, or somebody asked.</param>
    /// <returns>What it gave. An exception makes it a failed trial, and the sweep goes on.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled, and gave nothing.</exception>
    Task<TrialResult> RunAsync(TrialSettings settings, CancellationToken cancellation);
}

/// <summary>Follows a sweep and cannot change it. Called by the threads that run trials, one at a time.</summary>
public interface IMonitor
{
    /// <summary>A trial begins, or is gone on with.</summary>
    /// <param name="settings">What it tries.</param>
    void ReportRunningTrial(TrialSettings settings)
    {
    }

    /// <summary>A trial has ended, completed or pruned.</summary>
    /// <param name="result">What it gave.</param>
    void ReportCompletedTrial(TrialResult result)
    {
    }

    /// <summary>A trial is the best so far; told after it has ended.</summary>
    /// <param name="result">What it gave.</param>
    void ReportBestTrial(TrialResult result)
    {
    }

    /// <summary>A trial has failed; the sweep goes on.</summary>
    /// <param name="result">Its error among the rest.</param>
    void ReportFailTrial(TrialResult result)
    {
    }

    /// <summary>A trial has told a step's metric.</summary>
    /// <param name="settings">What it tries.</param>
    /// <param name="step">From 1.</param>
    /// <param name="metric">Higher is better.</param>
    void ReportStep(TrialSettings settings, int step, double metric)
    {
    }

    /// <summary>Something worth knowing that ends nothing, such as a torn line of the journal.</summary>
    /// <param name="warning">What, and what it means.</param>
    void ReportWarning(string warning)
    {
    }
}
