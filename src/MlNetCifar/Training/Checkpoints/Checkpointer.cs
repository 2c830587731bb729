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
    /// <param name="run">Told what goes wrong; its state becomes the checkpoint's.</param>
    /// <param name="session">Its blocks are filled.</param>
    /// <param name="best">Filled with the best weights.</param>
    /// <param name="data">The images.</param>
    public void Attach(TrainingRun run, TrainingSession session, NetworkWeights best, DataStamp data)
    {
        (_warn, _best) = (run.Warn, best);
        _header = new CheckpointHeader
        {
            ProgramVersion = FileOrigin.Current, Network = ResumeRules.Describe(run.Network), Options = run.Options.ToJson(), Data = data, LaneBits = (int)SimdLevel.Active,
            FusedMultiplyAdd = SimdLevel.IsFused,
            Start = run.Start?.WeightsSha256, Teacher = run.Distillation?.Stamp, State = new LoopState(),
        };
        var restored = _options.Resume ? Restore(session, best, run.StepsPerEpoch) : null;
        _writer = new CheckpointWriter(_store, session.StateBlocks());
        (_lastStep, _lastTime) = (restored?.State.Step ?? 0, _time.GetTimestamp());
        if (restored is null)
        {
            WriteFirst();
            return;
        }

        (run.State, run.ResumedFrom, run.ResumeNote) = (restored.State, restored.State.Step, ResumeRules.Note(run, restored, _options.Folder));
        if (run.BestEpoch > 0)
            run.BestWeights = best;
    }

    /// <summary>To be called when the session's blocks are others than before.</summary>
    public void BlocksChanged(TrainingSession session)
    {
        _writer!.Flush();
        Report();
        var written = _writer.Written;
        _writer.Dispose();
        _writer = new CheckpointWriter(_store, session.StateBlocks(), written);
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
    public void Begin(LoopState state)
    {
        _writer!.Flush();
        Report();
        _writer.Begin(_header! with { Written = _time.GetUtcNow(), State = state }, _bestIsNew && state.BestEpoch > 0 ? _best : null);
        _bestIsNew = false;
        (_lastStep, _lastTime) = (state.Step, _time.GetTimestamp());
    }

    /// <summary>Writes the last checkpoint and waits for it.</summary>
    public void Finish(LoopState state)
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

    CheckpointHeader? Restore(TrainingSession session, NetworkWeights best, int stepsPerEpoch)
    {
        if (_store.Newest(_warn) is not var (path, header))
        {
            _warn($"There is no checkpoint in {Folder} yet; the run starts at its first step.");
            return null;
        }

        var own = _header!;
        ResumeRules.Check(header, own, path);
        if (header.FusedMultiplyAdd != own.FusedMultiplyAdd)
            _warn($"The checkpoint was computed {Rounding(header)}, this machine computes {Rounding(own)}: the weights will not be bit-identical to those of an unbroken run.");
        if (header.LaneBits != own.LaneBits)
            _warn($"The checkpoint was computed with vectors of {header.LaneBits} bits, this machine uses {own.LaneBits}: the weights will not be bit-identical to those of an unbroken run.");

        // What was frozen in the last step decides which moments there are.
        session.Enter((int)(Math.Max(0, header.State.Step - 1) / stepsPerEpoch), stepsPerEpoch);
        _store.Load(path, session.StateBlocks());
        session.Restored(header.State);
        if (header.State.BestEpoch > 0)
        {
            _store.Load(_store.BestPath(header.State.BestEpoch), CheckpointWriter.Blocks(best));
            best.Changed();
        }

        return header;
    }

    static string Rounding(CheckpointHeader header) => header.FusedMultiplyAdd ? "with fused multiply-add" : "without fused multiply-add";

    /// <summary>Where nothing can be written, the user should know before the first hour of work.</summary>
    void WriteFirst()
    {
        Begin(new LoopState());
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
