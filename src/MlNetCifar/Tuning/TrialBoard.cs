using System.Text.Json;

namespace MlNetCifar.Tuning;

/// <summary>A trial that this sweep works at.</summary>
/// <param name="Trial">What is to be tried.</param>
/// <param name="Attempt">Number of this attempt, from 1.</param>
internal sealed record TrialClaim(JournalTrial Trial, int Attempt);

/// <summary>Gives trials to those who run them: first what somebody left undone, then what the tuner proposes. Everything goes through the journal. Thread-safe.</summary>
internal sealed class TrialBoard : IDisposable
{
    /// <summary>A trial at whose beginning so many processes died, one after the other, is not tried again.</summary>
    const int MostDeaths = 4;

    static readonly TimeSpan s_renewal = TimeSpan.FromSeconds(20);

    /// <summary>Silence after which a sweep of another machine is taken for dead.</summary>
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(2);

    readonly SweepJournal _journal;
    readonly ITuner _tuner;
    readonly int _most;
    readonly JournalOwner _owner = JournalOwner.OfThis();
    readonly HashSet<int> _told = [];
    readonly Timer _timer;

    /// <summary>Shares out the trials of a journal.</summary>
    /// <param name="journal">Stays the caller's.</param>
    /// <param name="tuner">Told every result, and asked for proposals.</param>
    /// <param name="most">Trials in all.</param>
    public TrialBoard(SweepJournal journal, ITuner tuner, int most)
    {
        (_journal, _tuner, _most) = (journal, tuner, most);
        _timer = new Timer(_ => Renew(), null, s_renewal, s_renewal);
    }

    /// <summary>Parameters of which trials must have the same values to be judged beside each other.</summary>
    public IReadOnlyList<string> JudgedApart { get; init; } = [];

    /// <summary>The results so far, in the order of trials.</summary>
    public IReadOnlyList<TrialResult> Results => _journal.Do((state, _) => state.Results.ToArray());

    /// <summary>What a look at the board gives.</summary>
    /// <param name="Claim">A trial to run; null for none.</param>
    /// <param name="Failed">One that has just been given up, because processes died at it.</param>
    /// <param name="IsOver">Whether no trial is left, and none is being worked at.</param>
    public readonly record struct Look(TrialClaim? Claim, TrialResult? Failed, bool IsOver);

    /// <summary>Takes a trial.</summary>
    public Look Take() => _journal.Do((state, append) =>
    {
        foreach (var result in state.Results.Where(result => _told.Add(result.TrialSettings.TrialId)))
            _tuner.Update(result);
        if (state.Trials.FirstOrDefault(trial => trial.Result is null && IsLeft(state, trial)) is { } left)
            return GoOn(left, append);
        if (state.Trials.Count < _most && _tuner.Propose(state.Trials.Count) is { } parameters)
        {
            var id = state.Trials.Count;
            append(json => WriteClaim(json, id, 1, parameters));
            return new Look(new(state[id], 1), null, false);
        }

        return new Look(null, null, state.Trials.All(trial => trial.Result is not null));
    });

    /// <summary>Writes down a step, and says whether the trial goes on.</summary>
    public bool Step(TrialClaim claim, int step, double metric, PruningRule rule) => _journal.Do((state, append) =>
    {
        if (step == claim.Trial.Curve.Length + 1)
            append(json =>
            {
                WriteTrial(json, "step", claim);
                json.WriteNumber("step", step);
                json.WriteNumber("metric", double.IsFinite(metric) ? metric : double.MinValue);
            });
        var bracket = Pruning.BracketOf(claim.Trial.Id);
        var others = state.Trials.Where(trial => trial != claim.Trial && trial.Result is not { State: TrialState.Failed } && JudgedApart.All(name => trial.Settings.Text(name) == claim.Trial.Settings.Text(name)))
            .Where(trial => rule != PruningRule.Hyperband || Pruning.BracketOf(trial.Id) == bracket).Select(trial => trial.Curve);
        return step > claim.Trial.Curve.Length || Pruning.GoesOn(rule, claim.Trial.Curve[..step], others, bracket);
    });

    /// <summary>Writes down how a trial ended.</summary>
    /// <returns>The result as the journal has it; null where somebody took the trial for left and went on with it.</returns>
    public TrialResult? End(TrialClaim claim, TrialResult result) => _journal.Do((state, append) =>
    {
        if (claim.Trial.Attempt != claim.Attempt || claim.Trial.Result is not null)
            return null;
        append(json => WriteEnd(json, claim, result));
        return claim.Trial.Result;
    });

    /// <summary>Gives a trial back that is to be gone on with some other time.</summary>
    public void Release(TrialClaim claim) => _journal.Do((_, append) =>
    {
        append(json => WriteTrial(json, "release", claim));
        return true;
    });

    public void Dispose()
    {
        _timer.Dispose();
        _owner.End();
    }

    Look GoOn(JournalTrial left, Action<Action<Utf8JsonWriter>> append)
    {
        var claim = new TrialClaim(left, left.Attempt + 1);
        append(json => WriteClaim(json, left.Id, claim.Attempt, left.Parameters));
        if (left.Deaths < MostDeaths)
            return new(claim, null, false);
        append(json => WriteEnd(json, claim, new TrialResult
        {
            TrialSettings = left.Settings, Metric = double.NaN, State = TrialState.Failed, Error = TuningErrors.Died(MostDeaths).Message,
        }));
        return new(null, left.Result, false);
    }

    bool IsLeft(JournalState state, JournalTrial trial) => trial.Owner is not { } owner
        || (owner.Id != _owner.Id && (owner.IsDead() ?? TimeProvider.System.GetElapsedTime(state.HeardOf(owner)) > s_patience));

    void Renew()
    {
        try
        {
            _journal.Do((_, append) =>
            {
                append(json =>
                {
                    json.WriteString("record", "alive");
                    json.WriteString("owner", _owner.Id);
                });
                return true;
            });
        }
        catch (MlNetCifarException)
        {
            // The trial itself finds out when it has something to write.
        }
    }

    void WriteClaim(Utf8JsonWriter json, int trial, int attempt, IEnumerable<KeyValuePair<string, string>> parameters)
    {
        json.WriteString("record", "claim");
        json.WriteNumber("trial", trial);
        json.WriteNumber("attempt", attempt);
        _owner.Write(json);
        json.WriteStartObject("parameters");
        foreach (var (name, value) in parameters)
            json.WriteString(name, value);
        json.WriteEndObject();
    }

    static void WriteTrial(Utf8JsonWriter json, string record, TrialClaim claim)
    {
        json.WriteString("record", record);
        json.WriteNumber("trial", claim.Trial.Id);
        json.WriteNumber("attempt", claim.Attempt);
    }

    static void WriteEnd(Utf8JsonWriter json, TrialClaim claim, TrialResult result)
    {
        WriteTrial(json, "end", claim);
        TrialRecord.Write(json, result);
    }
}
