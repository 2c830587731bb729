using MlNetCifar.Server.Batching;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Monitoring;

namespace MlNetCifar.Server.Candidates;

/// <summary>
/// Second models that may replace those that are served. Whichever of the two answers a request, the other answers its pictures too, in the background and as far as the engine has room,
/// and both answers are compared. A canary answers a share of the requests itself until it is rolled back.
/// </summary>
internal sealed class CandidateModels : IDisposable
{
    readonly ServingOptions _options;
    readonly ModelStore _stable;
    readonly AnswerLog _feedback;
    readonly ILogger _logger;
    readonly SecondOpinions _second;
    readonly Lock _lock = new();
    readonly Dictionary<string, Pair> _pairs = new(StringComparer.Ordinal);

    public CandidateModels(ServingOptions options, ModelStore stable, BatchEngine engine, AnswerLog feedback, ILogger logger)
    {
        (_options, _stable, _feedback, _logger) = (options, stable, feedback, logger);
        Store = new ModelStore(options, isForCandidates: true);
        Watcher = new ModelWatcher(options with { Models = options.Candidates, ModelsFolder = null }, Store, logger);
        _second = new SecondOpinions(options, engine);
    }

    public ModelStore Store { get; }

    public ModelWatcher Watcher { get; }

    /// <summary>The candidate, held, where it is to answer a request; null where the stable model is.</summary>
    /// <param name="stable">The model that would answer.</param>
    /// <param name="id">Of the request: one id is always answered by the same of the two.</param>
    public LoadedModel? Choose(LoadedModel stable, string id)
    {
        if (_options.CanaryShare == 0 || AnswerLog.Key(id) / (double)ulong.MaxValue >= _options.CanaryShare)
            return null;
        return Of(stable.Name) is { Tally.RolledBack: null } pair && pair.Stable == stable && pair.Candidate.TryHold() ? pair.Candidate : null;
    }

    /// <summary>Lets the other of two models answer a picture too. Nobody waits for it.</summary>
    /// <param name="model">The model that answered.</param>
    /// <param name="answer">Its class.</param>
    /// <param name="id">The picture's.</param>
    /// <param name="bytes">What is kept meanwhile.</param>
    /// <param name="preprocess">Makes the picture what a model takes.</param>
    public void Compare(LoadedModel model, int answer, string id, long bytes, Action<LoadedModel, byte[], CancellationToken> preprocess)
    {
        if (Of(model.Name) is not { Tally: { RolledBack: null } tally } pair || (model != pair.Stable && model != pair.Candidate))
            return;
        var other = model.IsCandidate ? pair.Stable : pair.Candidate;
        _second.Ask(other, bytes, preprocess, second =>
        {
            var (stable, candidate) = model.IsCandidate ? (second, answer) : (answer, second);
            _feedback.AddPair(id, tally, stable, candidate);
            Report(model.Name, tally.Add(stable, candidate));
        }, fault => Fail(other, fault));
    }

    /// <summary>Counts a failure of a model to answer; one of a stable model is told to its client.</summary>
    public void Fail(LoadedModel model, ModelFault fault)
    {
        if (Of(model.Name) is not { Tally: { } tally } pair || pair.Candidate != model)
            return;
        var reason = tally.Failed();
        if (tally.Read().Failures <= PairTally.MostFailures)
            _logger.CandidateFailed(fault, model.Name);
        Report(model.Name, reason);
    }

    /// <summary>Counts a true label of an answer that two models gave.</summary>
    public void Told(RememberedAnswer answer, int truth)
    {
        if (answer.Pair is { } tally)
            Report(tally.Model, tally.Told(truth, answer.Stable, answer.Candidate));
    }

    /// <summary>What is known of a name's candidate; null where there is none.</summary>
    public CandidateState? Read(string name)
    {
        if (Of(name) is not { } pair)
            return null;
        var reading = pair.Tally?.Read();
        var state = reading is null ? "not comparable" : reading.RolledBack is not null ? "rolled back" : _options.CanaryShare > 0 ? "canary" : "shadow";
        return new(pair.Candidate.Classifier.WeightsSha256, state, state == "canary" ? _options.CanaryShare : 0, _second.Skipped, reading);
    }

    /// <summary>The first candidate that cannot be compared with its model, or cannot be loaded.</summary>
    public MlNetCifarException? Fault() => Watcher.Faults.Values.FirstOrDefault()
        ?? (_options.Candidates.FirstOrDefault(c => Of(c.Key) is { Tally: null }) is { Key: { } name, Value: var path } ? ServerErrors.OtherClasses(name, path) : null);

    public void Dispose()
    {
        _second.Dispose();
        Store.Dispose();
    }

    void Report(string name, string? reason)
    {
        if (reason is not null)
            _logger.RolledBack(name, reason);
    }

    /// <summary>Both models as they are now. What was counted is of these weights: others begin anew.</summary>
    Pair? Of(string name)
    {
        if (_options.Candidates.Count == 0 || Store.Current(name) is not { } candidate || _stable.Current(name) is not { } stable)
            return null;
        lock (_lock)
        {
            var known = _pairs.GetValueOrDefault(name);
            if (known is not null && known.Stable == stable && known.Candidate == candidate)
                return known;
            return _pairs[name] = known is not null && known.IsOfSameWeights(stable, candidate) ? new(stable, candidate, known.Tally) : Begin(stable, candidate);
        }
    }

    Pair Begin(LoadedModel stable, LoadedModel candidate)
    {
        var classes = stable.Classifier.Classes;
        if (classes.SequenceEqual(candidate.Classifier.Classes))
            return new(stable, candidate, new PairTally(stable.Name, classes.Length, _options.CanaryDisagreement, rollsBack: _options.CanaryShare > 0));
        var fault = ServerErrors.OtherClasses(stable.Name, candidate.File.Path);
        _logger.NotComparable(stable.Name, fault.Code, fault.Reason);
        return new(stable, candidate, null);
    }

    /// <param name="Stable">The model that is served.</param>
    /// <param name="Candidate">The one that may replace it.</param>
    /// <param name="Tally">Null where their classes differ.</param>
    sealed record Pair(LoadedModel Stable, LoadedModel Candidate, PairTally? Tally)
    {
        readonly string _weights = Weights(Stable, Candidate);

        public bool IsOfSameWeights(LoadedModel stable, LoadedModel candidate) => _weights == Weights(stable, candidate);

        static string Weights(LoadedModel stable, LoadedModel candidate) => stable.Classifier.WeightsSha256 + candidate.Classifier.WeightsSha256;
    }
}

/// <summary>What is known of a candidate.</summary>
/// <param name="Sha256">Of its weights.</param>
/// <param name="State">shadow, canary, rolled back, or not comparable.</param>
/// <param name="Share">Share of requests that it answers.</param>
/// <param name="Skipped">Pictures that were not compared, because the engine had no room.</param>
/// <param name="Comparison">Null where it is not comparable.</param>
internal sealed record CandidateState(string Sha256, string State, double Share, long Skipped, PairReading? Comparison);
