using System.Collections.Immutable;
using System.Text.Json;

namespace MlNetCifar.Tuning;

/// <summary>A trial as the journal has it. Only the journal changes it, under its lock.</summary>
internal sealed class JournalTrial
{
    public required int Id { get; init; }

    public required ImmutableArray<KeyValuePair<string, string>> Parameters { get; init; }

    /// <summary>Who works at it; null where it was given back.</summary>
    public JournalOwner? Owner { get; set; }

    /// <summary>How often it was begun or gone on with.</summary>
    public int Attempt { get; set; }

    /// <summary>How often in a row a process ended at it before a single step was done.</summary>
    public int Deaths { get; set; }

    /// <summary>Steps that were done when it was last taken.</summary>
    public int StepsBefore { get; set; }

    /// <summary>The metric after each step.</summary>
    public ImmutableArray<double> Curve { get; set; } = [];

    /// <summary>Null while it has not ended.</summary>
    public TrialResult? Result { get; set; }

    /// <summary>The settings, without anyone who follows.</summary>
    public TrialSettings Settings => new(Id, Parameters);
}

/// <summary>What a journal says, line by line.</summary>
internal sealed class JournalState
{
    readonly SortedDictionary<int, JournalTrial> _trials = [];
    readonly Dictionary<string, long> _heard = [];

    /// <summary>The first line: what the sweep was begun with; null for an empty journal.</summary>
    public IReadOnlyDictionary<string, string>? Header { get; private set; }

    public IReadOnlyCollection<JournalTrial> Trials => _trials.Values;

    /// <summary>Results of the trials that have ended, in the order of trials.</summary>
    public IEnumerable<TrialResult> Results => _trials.Values.Select(trial => trial.Result).OfType<TrialResult>();

    public JournalTrial this[int trial] => _trials[trial];

    /// <summary>When a sweep was last heard of, by this machine's clock alone: a timestamp of <see cref="TimeProvider"/>.</summary>
    public long HeardOf(JournalOwner owner) => _heard.GetValueOrDefault(owner.Id);

    /// <summary>Takes in one record.</summary>
    /// <exception cref="KeyNotFoundException">It lacks something.</exception>
    /// <exception cref="InvalidOperationException">Something is of the wrong kind.</exception>
    public void Apply(JsonElement record, long now)
    {
        switch (record.GetProperty("record").GetString())
        {
            case "sweep":
                Header = record.GetProperty("settings").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!, StringComparer.Ordinal);
                break;
            case "claim":
                Claim(record, now);
                break;
            case "alive":
                _heard[record.GetProperty("owner").GetString()!] = now;
                break;
            default:
                OfTrial(record, now);
                break;
        }
    }

    void Claim(JsonElement record, long now)
    {
        var (id, owner) = (record.GetProperty("trial").GetInt32(), JournalOwner.Read(record.GetProperty("owner")));
        if (!_trials.TryGetValue(id, out var trial))
            _trials[id] = trial = new() { Id = id, Parameters = [.. record.GetProperty("parameters").EnumerateObject().Select(p => new KeyValuePair<string, string>(p.Name, p.Value.GetString()!))] };
        else
            trial.Deaths = trial.Owner is null ? trial.Deaths : trial.Curve.Length == trial.StepsBefore ? trial.Deaths + 1 : 0;
        trial.StepsBefore = trial.Curve.Length;
        (trial.Owner, trial.Attempt) = (owner, record.GetProperty("attempt").GetInt32());
        _heard[owner.Id] = now;
    }

    /// <summary>What an attempt tells that is no longer the trial's was overtaken by another, and says nothing.</summary>
    void OfTrial(JsonElement record, long now)
    {
        var trial = _trials[record.GetProperty("trial").GetInt32()];
        if (trial.Attempt != record.GetProperty("attempt").GetInt32() || trial.Result is not null || trial.Owner is null)
            return;
        _heard[trial.Owner.Id] = now;
        switch (record.GetProperty("record").GetString())
        {
            // An epoch that is trained again after a death is told again, and is the same.
            case "step" when record.GetProperty("step").GetInt32() == trial.Curve.Length + 1:
                trial.Curve = trial.Curve.Add(record.GetProperty("metric").GetDouble());
                break;
            case "release":
                trial.Owner = null;
                break;
            case "end":
                trial.Result = TrialRecord.Read(record, trial.Settings, trial.Curve);
                break;
        }
    }
}
