using MlNetCifar.Evaluation;

namespace MlNetCifar.Server.Monitoring;

/// <summary>True labels that were told later, of the last 1,000 answers told about: rolling accuracy with its 95 % interval (Wilson 1927). Thread-safe.</summary>
/// <param name="classes">Of the model, in its order.</param>
internal sealed class FeedbackTally(IReadOnlyList<string> classes)
{
    const int Window = 1000;

    readonly Queue<bool> _last = [];
    int _right;

    public IReadOnlyList<string> Classes => classes;

    /// <summary>Adds one answer.</summary>
    public void Add(bool isRight)
    {
        lock (_last)
        {
            _last.Enqueue(isRight);
            _right += isRight ? 1 : 0;
            if (_last.Count > Window && _last.Dequeue())
                _right--;
        }
    }

    /// <summary>How many, how many of them right, and the interval; the interval of none is 0 … 1.</summary>
    public (int Count, int Right, double Low, double High) Read()
    {
        lock (_last)
        {
            if (_last.Count == 0)
                return (0, 0, 0, 1);
            var interval = Interval.Wilson(_right, _last.Count);
            return (_last.Count, _right, interval.Lower, interval.Upper);
        }
    }
}
