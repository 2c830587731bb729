using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;

namespace MlNetCifar.Server.Monitoring;

/// <summary>An answer, and, where two models gave one, both.</summary>
/// <param name="Tally">Of the model that answered.</param>
/// <param name="Class">Its answer.</param>
/// <param name="Pair">Of both models; null where one answered.</param>
/// <param name="Stable">The stable model's answer.</param>
/// <param name="Candidate">The candidate's.</param>
internal readonly record struct RememberedAnswer(FeedbackTally Tally, int Class, PairTally? Pair = null, int Stable = 0, int Candidate = 0);

/// <summary>Remembers the last 100,000 answers by their request's id, so that true labels can be told later: 64 bits of the id's hash and the class, in memory set aside at the start. Thread-safe.</summary>
internal sealed class AnswerLog
{
    const int Most = 100_000;

    readonly Lock _lock = new();
    readonly Dictionary<ulong, RememberedAnswer> _answers = new(Most);
    readonly ulong[] _order = new ulong[Most];
    long _count;

    public AnswerLog()
    {
        // Memory that nothing was written to is not there yet: a server must not seem to grow for its first 100,000 answers.
        for (var i = 0UL; i < Most; i++)
            _answers.Add(i, default);
        _answers.Clear();
        Array.Fill(_order, 1UL);
    }

    /// <summary>Takes down an answer; of two with one id the later counts.</summary>
    public void Add(string id, FeedbackTally tally, int answer)
    {
        var key = Key(id);
        lock (_lock)
        {
            ref var oldest = ref _order[_count++ % Most];
            if (_count > Most)
                _answers.Remove(oldest);
            oldest = key;
            _answers[key] = new(tally, answer);
        }
    }

    /// <summary>Takes down the other model's answer too, where the first is remembered still.</summary>
    public void AddPair(string id, PairTally pair, int stable, int candidate)
    {
        var key = Key(id);
        lock (_lock)
        {
            ref var known = ref CollectionsMarshal.GetValueRefOrNullRef(_answers, key);
            if (!Unsafe.IsNullRef(ref known))
                known = known with { Pair = pair, Stable = stable, Candidate = candidate };
        }
    }

    /// <summary>The answer of an id, which is then forgotten: a label counts once.</summary>
    public RememberedAnswer? Take(string id)
    {
        lock (_lock)
            return _answers.Remove(Key(id), out var found) ? found : null;
    }

    /// <summary>64 bits that an id always gives.</summary>
    public static ulong Key(string id) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(id)));
}
