using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace MlNetCifar.Server.Monitoring;

/// <summary>Remembers the last 100,000 answers by their request's id, so that true labels can be told later: 64 bits of the id's hash and the class, in memory set aside at the start. Thread-safe.</summary>
internal sealed class AnswerLog
{
    const int Most = 100_000;

    readonly Lock _lock = new();
    readonly Dictionary<ulong, (FeedbackTally Tally, int Class)> _answers = new(Most);
    readonly ulong[] _order = new ulong[Most];
    long _count;

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
            _answers[key] = (tally, answer);
        }
    }

    /// <summary>The answer of an id, which is then forgotten: a label counts once.</summary>
    public (FeedbackTally Tally, int Class)? Take(string id)
    {
        lock (_lock)
            return _answers.Remove(Key(id), out var found) ? found : null;
    }

    static ulong Key(string id) => BinaryPrimitives.ReadUInt64LittleEndian(SHA256.HashData(Encoding.UTF8.GetBytes(id)));
}
