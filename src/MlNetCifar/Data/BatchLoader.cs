using System.Runtime.ExceptionServices;

namespace MlNetCifar.Data;

/// <summary>
/// Makes normalised, augmented batches on background threads, ahead of their use, in a ring of native buffers. What a batch holds is a function of
/// (source, options, epoch, index, slices asked for) alone: not of the number of threads, nor of where an epoch was started. Nothing is allocated per batch.
/// One thread may call it at a time.
/// </summary>
internal sealed class BatchLoader : IDisposable
{
    readonly ImageSource _source;
    readonly BatchLoaderOptions _options;
    readonly SampleOrder _order;
    readonly Slicing _slicing;
    readonly Batch[] _ring;
    readonly int[] _filled;
    readonly Thread[] _threads;

    // A plain object: Monitor's wait and pulse need it.
    readonly object _gate = new();
    ExceptionDispatchInfo? _failure;
    SlicePart _part;
    int _epoch;
    int _ordered = -1;
    int _end;
    int _claimed;
    int _released;
    int _current = -1;
    int _busy;
    bool _stopping;

    /// <summary>Creates the loader and its threads; nothing is read before <see cref="Start"/>.</summary>
    /// <param name="source">The pictures; not disposed.</param>
    /// <param name="normalization">Of as many channels as the source.</param>
    /// <param name="options">Null for the defaults.</param>
    /// <exception cref="ArgumentException">The options are wrong, the source is empty, or the channels differ.</exception>
    public BatchLoader(ImageSource source, Normalization normalization, BatchLoaderOptions? options = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(normalization);
        _source = source;
        _options = options ?? new();
        _options.Validate();
        if (normalization.Channels != source.Channels)
            throw new ArgumentException($"The normalisation has {normalization.Channels} channels, the pictures have {source.Channels}.", nameof(normalization));
        if (source.Count == 0)
            throw new ArgumentException("The source holds no picture.", nameof(source));
        BatchesPerEpoch = _options.DropLast ? source.Count / _options.BatchSize : (int)(((long)source.Count + _options.BatchSize - 1) / _options.BatchSize);
        if (BatchesPerEpoch == 0)
            throw new ArgumentException($"{source.Count} pictures make no whole batch of {_options.BatchSize}, and short ones are dropped.", nameof(options));
        _order = new SampleOrder(source.Count, source.Runs, _options.ShuffleWindow);
        _slicing = new Slicing(_options.BatchSize, _options.Slices);
        _ring = new Batch[_options.Prefetch];
        _filled = new int[_options.Prefetch];
        for (var i = 0; i < _ring.Length; i++)
            _ring[i] = new Batch(_options.WithoutPictures ? 0 : _options.BatchSize, source.ImageLength);
        _claimed = _released = _end = BatchesPerEpoch;
        _threads = new Thread[_options.Threads];
        for (var i = 0; i < _threads.Length; i++)
        {
            var filler = new BatchFiller(source, normalization, _options);
            _threads[i] = new Thread(() => Work(filler)) { IsBackground = true, Name = $"mlnetcifar-loader-{i}" };
            _threads[i].Start();
        }
    }

    /// <summary>Batches of an epoch.</summary>
    public int BatchesPerEpoch { get; }

    /// <summary>Pictures of an epoch: all, less those of a dropped last batch.</summary>
    public int SamplesPerEpoch => _options.DropLast ? BatchesPerEpoch * _options.BatchSize : _source.Count;

    /// <summary>Slices of a batch of every epoch.</summary>
    /// <param name="batch">0 … <see cref="BatchesPerEpoch"/> − 1.</param>
    public int SlicesOf(int batch) => _slicing.Of((int)Math.Min(_options.BatchSize, _source.Count - ((long)batch * _options.BatchSize)));

    /// <summary>Begins an epoch, abandoning what was under way.</summary>
    /// <param name="epoch">From 0; decides order and augmentation.</param>
    /// <param name="firstBatch">Where to begin, for resuming: 0 … <see cref="BatchesPerEpoch"/>.</param>
    /// <param name="part">The slices that batches hold; null for all, or none in a loader without pictures.</param>
    /// <param name="end">The batch behind the last one; null for the end of the epoch.</param>
    public void Start(int epoch, int firstBatch = 0, SlicePart? part = null, int? end = null)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(epoch);
        ArgumentOutOfRangeException.ThrowIfNegative(firstBatch);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(firstBatch, BatchesPerEpoch);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(end ?? BatchesPerEpoch, BatchesPerEpoch);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            _claimed = _end = BatchesPerEpoch;
            while (_busy > 0)
                Monitor.Wait(_gate);
            if (_ordered != epoch)
                Order(epoch);
            Array.Fill(_filled, -1);
            _failure = null;
            _epoch = epoch;
            _part = _options.WithoutPictures ? SlicePart.None : part ?? SlicePart.All;
            _current = -1;
            (_claimed, _released, _end) = (firstBatch, firstBatch, end ?? BatchesPerEpoch);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>The next batch, or null behind the last one. The batch given before goes back to the ring.</summary>
    /// <exception cref="MlNetCifarException">The source could not be read.</exception>
    public Batch? Next()
    {
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_stopping, this);
            if (_current >= 0)
            {
                _released = _current + 1;
                _current = -1;
                Monitor.PulseAll(_gate);
            }

            if (_released >= _end)
                return null;
            var slot = _released % _ring.Length;
            while (_filled[slot] != _released && _failure is null)
                Monitor.Wait(_gate);
            _failure?.Throw();
            _current = _released;
            return _ring[slot];
        }
    }

    /// <summary>Ends the threads and frees the buffers.</summary>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_stopping)
                return;
            _stopping = true;
            Monitor.PulseAll(_gate);
        }

        foreach (var thread in _threads)
            thread.Join();
        foreach (var batch in _ring)
            batch.Free();
    }

    void Order(int epoch)
    {
        if (_options.Shuffle)
            _order.Shuffle(_options.Seed, epoch);
        else
            _order.Sequential();
        _ordered = epoch;
    }

    void Work(BatchFiller filler)
    {
        while (Claim() is >= 0 and var index)
        {
            ExceptionDispatchInfo? failure = null;
            try
            {
                Fill(filler, index);
            }
            catch (Exception e)
            {
                // Whatever went wrong belongs to the caller of Next; on this thread it would end the process.
                failure = ExceptionDispatchInfo.Capture(e);
            }

            lock (_gate)
            {
                _busy--;
                _failure ??= failure;
                if (failure is null)
                    _filled[index % _ring.Length] = index;
                Monitor.PulseAll(_gate);
            }
        }
    }

    int Claim()
    {
        lock (_gate)
        {
            while (!_stopping && (_claimed >= _end || _claimed >= _released + _ring.Length))
                Monitor.Wait(_gate);
            if (_stopping)
                return -1;
            _busy++;
            return _claimed++;
        }
    }

    void Fill(BatchFiller filler, int index)
    {
        var batch = _ring[index % _ring.Length];
        var first = index * _options.BatchSize;
        var whole = Math.Min(_options.BatchSize, _source.Count - first);
        batch.Begin(whole, _slicing.Of(whole), _part);
        batch.Epoch = _epoch;
        batch.Index = index;
        var indices = _order.Order.Slice(first + batch.First, batch.Count);
        indices.CopyTo(batch.IndexDestination);
        filler.Fill(batch);
    }
}
