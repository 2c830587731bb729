using MlNetCifar.Files;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Training;

/// <summary>Saves one run, and restores it. Called on the training thread.</summary>
internal sealed class Checkpointer : IDisposable
{
    readonly CheckpointOptions _options;
    readonly TimeProvider _time;
    readonly RunLock _lock;
    readonly CheckpointStore _store;
    CheckpointWriter? _writer;
    CheckpointHeader? _header;
    Action<string> _warn = _ => { };
    NetworkWeights? _best;
    bool _bestIsNew;
    long _lastStep;
    long _lastTime;

    /// <summary>Takes the folder.</summary>
    /// <exception cref="MlNetCifarException">It cannot be written, is in use, or holds another run (MNC3013 … MNC3015).</exception>
    public Checkpointer(CheckpointOptions options, TimeProvider time)
    {
        options.Validate();
        (_options, _time) = (options, time);
        _store = new CheckpointStore(options.Folder, options.Files);
        _lock = RunLock.Take(options.Folder);
        if (options.Resume || !_store.Any)
            return;
        if (options.Replace)
        {
            _store.Clear();
            return;
        }

        _lock.Dispose();
        throw TrainingErrors.FolderTaken(options.Folder);
    }

    /// <summary>The folder.</summary>
    public string Folder => _options.Folder;

    /// <summary>The step of the last checkpoint on disk; −1 for none.</summary>
    public long Written => _writer?.Written ?? -1;

    /// <summary>Binds the run, and restores it where that is asked for and there is something to restore; otherwise writes the first checkpoint.</summary>
    /// <param name="run">Described by network and options; its other fields are not touched.</param>
    /// <param name="session">Its blocks are filled.</param>
    /// <param name="best">Filled with the best weights.</param>
    /// <param name="data">The images.</param>
    /// <param name="warn">Told what goes wrong without ending the run.</param>
    /// <returns>The header of the checkpoint restored; null in a run from the beginning.</returns>
    public CheckpointHeader? Attach(TrainingRun run, TrainingSession session, NetworkWeights best, DataStamp data, Action<string> warn)
    {
        (_warn, _best) = (warn, best);
        _header = new CheckpointHeader
        {
            ProgramVersion = FileOrigin.Current, Network = ResumeRules.Describe(run.Network), Options = run.Options.ToJson(), Data = data, LaneBits = (int)SimdLevel.Active, State = new RunState(),
        };
        var restored = _options.Resume ? Restore(session, best) : null;
        _writer = new CheckpointWriter(_store, session.StateBlocks());
        (_lastStep, _lastTime) = (restored?.State.Step ?? 0, _time.GetTimestamp());
        if (restored is null)
            WriteFirst();
        return restored;
    }

    /// <summary>To be called before the best weights change.</summary>
    public void BestChanges() => _writer!.Flush();

    /// <summary>To be called after the best weights have changed.</summary>
    public void BestChanged() => _bestIsNew = true;

    /// <summary>Whether a checkpoint is due after this step and the one before is done.</summary>
    public bool IsDue(long step)
    {
        Report();
        var due = (_options.EverySteps is { } steps && step - _lastStep >= steps) || (_options.Every is { } every && _time.GetElapsedTime(_lastTime) >= every);
        return due && !_writer!.IsBusy;
    }

    /// <summary>Begins a checkpoint.</summary>
    public void Begin(RunState state)
    {
        _writer!.Flush();
        Report();
        _writer.Begin(_header! with { Written = _time.GetUtcNow(), State = state }, _bestIsNew && state.BestEpoch > 0 ? _best : null);
        _bestIsNew = false;
        (_lastStep, _lastTime) = (state.Step, _time.GetTimestamp());
    }

    /// <summary>Writes the last checkpoint and waits for it.</summary>
    public void Finish(RunState state)
    {
        Begin(state);
        _writer!.Flush();
        Report();
    }

    /// <summary>Waits for what was begun.</summary>
    public void Flush()
    {
        _writer!.Flush();
        Report();
    }

    public void Dispose()
    {
        _writer?.Dispose();
        _lock.Dispose();
    }

    CheckpointHeader? Restore(TrainingSession session, NetworkWeights best)
    {
        if (_store.Newest(_warn) is not var (path, header))
        {
            _warn($"There is no checkpoint in {Folder} yet; the run starts at its first step.");
            return null;
        }

        var now = _header!;
        ResumeRules.Check(header, now, path);
        if (header.LaneBits != now.LaneBits)
            _warn($"The checkpoint was computed with vectors of {header.LaneBits} bits, this machine uses {now.LaneBits}: the weights will not be bit-identical to those of an unbroken run.");
        _store.Load(path, session.StateBlocks());
        session.Restored(header.State.Step);
        if (header.State.BestEpoch > 0)
        {
            _store.Load(_store.BestPath(header.State.BestEpoch), CheckpointWriter.Blocks(best));
            best.Changed();
        }

        return header;
    }

    /// <summary>Where nothing can be written, the user should know before the first hour of work.</summary>
    void WriteFirst()
    {
        Begin(new RunState());
        _writer!.Flush();
        if (_writer.TakeFailure() is { } failure)
            throw TrainingErrors.CheckpointUnwritable(Folder, failure);
    }

    void Report()
    {
        if (_writer!.TakeFailure() is not { } failure)
            return;

        // The best weights may not have reached the disk either; the next checkpoint brings them again.
        _bestIsNew = true;
        var error = TrainingErrors.CheckpointUnwritable(Folder, failure);
        _warn($"{error.Code}: {error.Message} Training goes on; the next checkpoint is tried in its turn.");
    }
}
