using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using Job = (MlNetCifar.Training.CheckpointHeader Header, MlNetCifar.Nn.NetworkWeights? Best);

namespace MlNetCifar.Training;

/// <summary>Writes checkpoints on a thread of its own from a copy of the state, so that training goes on meanwhile.</summary>
internal sealed class CheckpointWriter : IDisposable
{
    readonly CheckpointStore _store;
    readonly IReadOnlyList<StateBlock> _live;
    readonly Arena[] _arenas;
    readonly StateBlock[] _copies;

    // A plain object: Monitor's wait and pulse need it.
    readonly object _gate = new();
    Thread? _thread;
    Job? _job;
    Exception? _failure;
    bool _stopping;
    long _written;

    /// <summary>Takes memory for the copy.</summary>
    /// <param name="store">Where checkpoints go.</param>
    /// <param name="live">The state.</param>
    /// <param name="written">The step of the last checkpoint on disk; −1 for none.</param>
    public CheckpointWriter(CheckpointStore store, IReadOnlyList<StateBlock> live, long written = -1)
    {
        (_store, _live, _written) = (store, live, written);
        _arenas = [.. live.Select(b => new Arena(b.Values().Length))];
        _copies = [.. live.Select((b, i) => new StateBlock(b.Name, () => _arenas[i].Span(0, (int)_arenas[i].Length)))];
    }

    /// <summary>Whether the last checkpoint is still being written.</summary>
    public bool IsBusy
    {
        get
        {
            lock (_gate)
                return _job is not null;
        }
    }

    /// <summary>The step of the last checkpoint on disk; −1 for none.</summary>
    public long Written
    {
        get
        {
            lock (_gate)
                return _written;
        }
    }

    /// <summary>Copies the state and begins to write it; waits where the last one is still being written.</summary>
    /// <param name="header">Of the state.</param>
    /// <param name="best">The best weights, where they changed since they were written last; must stay as they are until <see cref="Flush"/>.</param>
    public void Begin(CheckpointHeader header, NetworkWeights? best)
    {
        Flush();
        for (var i = 0; i < _live.Count; i++)
            _live[i].Values().CopyTo(_copies[i].Values());
        lock (_gate)
        {
            if (_thread is null)
            {
                _thread = new Thread(Work) { IsBackground = true, Name = "mlnetcifar-checkpoint" };
                _thread.Start();
            }

            _job = (header, best);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Waits until everything begun is written or has failed.</summary>
    public void Flush()
    {
        lock (_gate)
        {
            while (_job is not null)
                Monitor.Wait(_gate);
        }
    }

    /// <summary>What went wrong since the last call, once.</summary>
    public Exception? TakeFailure()
    {
        lock (_gate)
        {
            var failure = _failure;
            _failure = null;
            return failure;
        }
    }

    public void Dispose()
    {
        Flush();
        lock (_gate)
        {
            _stopping = true;
            Monitor.PulseAll(_gate);
        }

        _thread?.Join();
        foreach (var arena in _arenas)
            arena.Dispose();
    }

    /// <summary>The two blocks of weights.</summary>
    public static StateBlock[] Blocks(NetworkWeights weights) =>
        [new("weights.parameters", () => weights.Parameters), new("weights.statistics", () => weights.Statistics)];

    void Work()
    {
        while (true)
        {
            Job job;
            lock (_gate)
            {
                while (_job is null && !_stopping)
                    Monitor.Wait(_gate);
                if (_job is null)
                    return;
                job = _job.Value;
            }

            Exception? failure = null;
            var written = false;
            try
            {
                written = Write(job);
            }
            catch (Exception e)
            {
                // It belongs to the training thread; on this one it would end the process.
                failure = e;
            }

            lock (_gate)
            {
                _failure ??= failure;
                if (written)
                    _written = job.Header.State.Step;
                _job = null;
                Monitor.PulseAll(_gate);
            }
        }
    }

    /// <summary>Writes, unless the weights are ruined: then the checkpoint before is worth more.</summary>
    bool Write(Job job)
    {
        if (!_copies.All(b => Network.AllFinite(b.Values())))
            return false;
        if (job.Best is not null)
            _store.WriteBest(job.Header, Blocks(job.Best));
        _store.WriteLast(job.Header, _copies);
        return true;
    }
}
