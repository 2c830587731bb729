using System.Runtime.ExceptionServices;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>Sends the run what a worker computes, a part as soon as it is final, while the worker computes those in front of it. Nothing is copied for that: the thread sends what the tree holds.</summary>
internal sealed class PartSender : IDisposable
{
    // A plain object: Monitor's wait and pulse need it.
    readonly object _gate = new();
    readonly RunLine _line;
    readonly bool _isWhole;
    readonly Thread _thread;
    IReadOnlyList<SliceSum> _nodes = [];
    WorkHead _work;
    GradientFormat _format;
    double _waited;
    long _bytes;
    long _before;
    long _ahead;
    int _offered;
    int _sent;
    ExceptionDispatchInfo? _fault;
    bool _ending;

    /// <summary>Prepares.</summary>
    /// <param name="line">To the run; borrowed.</param>
    /// <param name="isWhole">Whether a sum is sent in one part.</param>
    public PartSender(RunLine line, bool isWhole)
    {
        (_line, _isWhole) = (line, isWhole);
        _thread = new Thread(Send) { IsBackground = true, Name = "mlnetcifar-send" };
        _thread.Start();
    }

    /// <summary>Begins an answer.</summary>
    /// <param name="work">What is answered.</param>
    /// <param name="format">Of the gradients.</param>
    public void Begin(WorkHead work, GradientFormat format)
    {
        lock (_gate)
            (_work, _format, _before, _offered, _sent) = (work, format, _bytes, 0, 0);
    }

    /// <summary>Sends parts that are final; returns at once.</summary>
    /// <param name="nodes">What this worker computes, which stays as it is until <see cref="Finish"/> has returned.</param>
    /// <param name="parts">How many <see cref="SumParts"/> of them are final.</param>
    /// <param name="waited">How long the worker has waited for work so far.</param>
    public void Offer(IReadOnlyList<SliceSum> nodes, int parts, TimeSpan waited)
    {
        lock (_gate)
        {
            (_nodes, _offered, _waited) = (nodes, _isWhole ? 1 : parts, waited.TotalSeconds);
            if (parts == new SumParts(nodes[0].Values.Length).Count)
                _ahead += _bytes - _before;
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until all that was offered has been sent.</summary>
    /// <exception cref="IOException">The run is gone.</exception>
    public void Finish()
    {
        lock (_gate)
        {
            while (_fault is null && _sent < _offered)
                Monitor.Wait(_gate);
        }

        _fault?.Throw();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            _ending = true;
            Monitor.PulseAll(_gate);
        }

        // It reads what the worker has computed.
        _thread.Join();
    }

    void Send()
    {
        try
        {
            while (Next() is { } part)
            {
                foreach (var node in _nodes)
                    Send(node, part);
                lock (_gate)
                {
                    _sent++;
                    Monitor.PulseAll(_gate);
                }
            }
        }
        catch (Exception e)
        {
            lock (_gate)
            {
                _fault = ExceptionDispatchInfo.Capture(e);
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>The next part, when it is final; null at the end.</summary>
    int? Next()
    {
        lock (_gate)
        {
            while (!_ending && _sent == _offered)
                Monitor.Wait(_gate);
            return _ending ? null : _sent;
        }
    }

    void Send(SliceSum node, int part)
    {
        var range = _isWhole ? (First: 0, End: node.Values.Length) : new SumParts(node.Values.Length)[part];
        Span<byte> head = stackalloc byte[PartHead.Length];
        lock (_gate)
            new PartHead(_work.Ticket, node.First, node.Count, node.Correct, node.Loss, node.Weight, _waited, part, _ahead).Write(head);
        var bytes = _line.Write(FrameKind.Part, head, node.Values[range.First..range.End], PeerRange.Gradients(range, node.Gradients.Length), _format);
        lock (_gate)
            _bytes += bytes;
    }
}
