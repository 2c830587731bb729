using System.Globalization;
using System.Text.Json;

namespace MlNetCifar.Distributed;

/// <summary>What goes wrong with a worker in a rehearsal.</summary>
/// <param name="KillAt">The step, from 1, before which it ends as if killed; null for none.</param>
/// <param name="HangAt">The step before which it stops for good; null for none.</param>
/// <param name="Delay">What it waits before each answer.</param>
/// <param name="Drop">Share of its answers that are lost, and its connection with them.</param>
/// <param name="Seed">Decides which.</param>
internal sealed record WorkerChaos(long? KillAt, long? HangAt, TimeSpan Delay, double Drop, int Seed)
{
    /// <summary>How a process ends that is killed.</summary>
    static readonly Action s_kill = () => System.Diagnostics.Process.GetCurrentProcess().Kill();

    readonly Random _random = new(Seed);
    readonly long _begun = TimeProvider.System.GetTimestamp();

    /// <summary>Workers, from 0, that this one does not reach any more after some seconds.</summary>
    public IReadOnlyDictionary<int, double> Cuts { get; init; } = new Dictionary<int, double>();

    /// <summary>Whether what is sent to another worker is lost.</summary>
    public bool IsCut(int worker) => Cuts.TryGetValue(worker, out var seconds) && TimeProvider.System.GetElapsedTime(_begun).TotalSeconds >= seconds;

    /// <summary>To be called before another worker is dialled.</summary>
    /// <exception cref="IOException">It is on the other side of a partition.</exception>
    public void Reach(int worker)
    {
        if (IsCut(worker))
            throw new IOException("The network is parted, as the rehearsal wants it.");
    }

    /// <summary>Does to this worker what the plan says, before it answers.</summary>
    /// <param name="step">From 1.</param>
    /// <param name="kill">Ends it; null for its process.</param>
    /// <exception cref="IOException">The answer is lost.</exception>
    public void Strike(long step, Action? kill)
    {
        if (step >= KillAt)
            (kill ?? s_kill)();
        if (step >= HangAt)
            Thread.Sleep(Timeout.Infinite);
        if (Delay > TimeSpan.Zero)
            Thread.Sleep(Delay);
        if (_random.NextDouble() < Drop)
            throw new IOException("The answer was dropped, as the rehearsal wants it.");
    }

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("chaos");
        if (KillAt is { } kill)
            json.WriteNumber("kill", kill);
        if (HangAt is { } hang)
            json.WriteNumber("hang", hang);
        json.WriteNumber("delay", Delay.TotalSeconds);
        json.WriteNumber("drop", Drop);
        json.WriteNumber("seed", Seed);
        json.WriteStartObject("cuts");
        foreach (var (worker, seconds) in Cuts)
            json.WriteNumber(worker.ToString(CultureInfo.InvariantCulture), seconds);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    public static WorkerChaos? Read(JsonElement json) => json.TryGetProperty("chaos", out var chaos)
        ? new(Step(chaos, "kill"), Step(chaos, "hang"), TimeSpan.FromSeconds(chaos.GetProperty("delay").GetDouble()), chaos.GetProperty("drop").GetDouble(), chaos.GetProperty("seed").GetInt32())
        {
            Cuts = chaos.GetProperty("cuts").EnumerateObject().ToDictionary(cut => int.Parse(cut.Name, NumberStyles.None, CultureInfo.InvariantCulture), cut => cut.Value.GetDouble()),
        }
        : null;

    static long? Step(JsonElement json, string name) => json.TryGetProperty(name, out var step) ? step.GetInt64() : null;
}

/// <summary>
/// What goes wrong in a rehearsal, as <c>kill:w1@step40,hang:w2@step60,delay:w2:500ms,drop:5%</c>: a worker is killed or hangs at a step, or at the first one behind it that it takes part in, once; one is slow
/// throughout; a share of all answers is lost; after a time two workers do not reach each other any more (<c>partition:w1|w2@60s</c>). Thread-safe.
/// </summary>
internal sealed class ChaosPlan
{
    /// <summary>A dropped answer costs a worker, which is started again.</summary>
    public const int Restarts = 1000;

    readonly Lock _gate = new();
    readonly Dictionary<int, long> _kills = [];
    readonly Dictionary<int, long> _hangs = [];
    readonly Dictionary<int, TimeSpan> _delays = [];
    readonly List<(int One, int Other, TimeSpan At)> _partitions = [];
    readonly long _begun = TimeProvider.System.GetTimestamp();
    double _drop;

    /// <summary>Reads a plan.</summary>
    /// <param name="text">As above.</param>
    /// <param name="workers">How many there are.</param>
    /// <exception cref="MlNetCifarException">It is none (MNC3314).</exception>
    public static ChaosPlan Parse(string text, int workers)
    {
        var plan = new ChaosPlan();
        foreach (var part in text.Split(',', StringSplitOptions.TrimEntries))
            plan.Add(part, workers);
        return plan;
    }

    /// <summary>What goes wrong with one worker from now on.</summary>
    /// <param name="worker">Which, from 0.</param>
    /// <param name="restarts">How often one was started in its place before.</param>
    public WorkerChaos For(int worker, int restarts)
    {
        lock (_gate)
        {
            return new(
                _kills.TryGetValue(worker, out var kill) ? kill : null, _hangs.TryGetValue(worker, out var hang) ? hang : null, _delays.GetValueOrDefault(worker), _drop, (worker * Restarts) + restarts)
            {
                Cuts = _partitions.Where(cut => cut.One == worker || cut.Other == worker)
                    .ToDictionary(cut => cut.One == worker ? cut.Other : cut.One, cut => Math.Max(0, (cut.At - TimeProvider.System.GetElapsedTime(_begun)).TotalSeconds)),
            };
        }
    }

    /// <summary>To be told of work that a worker was sent: what it does to itself at that, the one in its place does not again.</summary>
    /// <param name="worker">Which, from 0.</param>
    /// <param name="step">From 1.</param>
    public void Sent(int worker, long step)
    {
        lock (_gate)
        {
            var due = new[] { _kills, _hangs }.FirstOrDefault(faults => faults.TryGetValue(worker, out var at) && at <= step);
            due?.Remove(worker);
        }
    }

    void Add(string part, int workers)
    {
        switch (part.Split(':'))
        {
            case ["kill", var what] when Place(what, workers) is var (worker, step):
                _kills[worker] = step;
                break;
            case ["hang", var what] when Place(what, workers) is var (worker, step):
                _hangs[worker] = step;
                break;
            case ["delay", var who, var time] when Worker(who, workers) is { } worker && Duration(time) is { } delay:
                _delays[worker] = delay;
                break;
            case ["partition", var what] when Partition(what, workers) is { } partition:
                _partitions.RemoveAll(other => (other.One, other.Other) == (partition.One, partition.Other));
                _partitions.Add(partition);
                break;
            case ["drop", var share] when share.EndsWith('%') && double.TryParse(share[..^1], NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var percent) && percent <= 50:
                _drop = percent / 100;
                break;
            default:
                throw DistributedErrors.NoChaos(part, workers);
        }
    }

    static (int Worker, long Step)? Place(string text, int workers) =>
        text.Split("@step") is [var who, var at] && Worker(who, workers) is { } worker && long.TryParse(at, NumberStyles.None, CultureInfo.InvariantCulture, out var step) && step >= 1 ? (worker, step) : null;

    static (int One, int Other, TimeSpan At)? Partition(string text, int workers) =>
        text.Split('@') is [var who, var at] && who.Split('|') is [var one, var other] && Worker(one, workers) is { } a && Worker(other, workers) is { } b && a != b && Duration(at) is { } time
            ? (Math.Min(a, b), Math.Max(a, b), time) : null;

    static int? Worker(string text, int workers) =>
        text.StartsWith('w') && int.TryParse(text.AsSpan(1), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number >= 1 && number <= workers ? number - 1 : null;

    static TimeSpan? Duration(string text)
    {
        var (digits, unit) = text.EndsWith("ms", StringComparison.Ordinal) ? (text[..^2], 0.001) : text.EndsWith('s') ? (text[..^1], 1.0) : ("", 0);
        return double.TryParse(digits, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number) && number * unit <= 3600 ? TimeSpan.FromSeconds(number * unit) : null;
    }
}
