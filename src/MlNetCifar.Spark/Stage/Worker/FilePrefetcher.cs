using MlNetCifar.Data;
using MlNetCifar.Data.Files;
using MlNetCifar.Data.Shards;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage.Worker;

/// <summary>Reads the images of a part ahead of the decoder, so that a distant file system's latency is hidden.</summary>
sealed class FilePrefetcher(IFileStore store, string root, long maxFileBytes)
{
    const int Readers = 8;
    const int Ahead = 32;
    const long AheadBytes = 32 << 20;

    /// <summary>The images in their order; at most a few are in memory.</summary>
    public IEnumerable<ShardInput> Inputs(IEnumerable<ShardItem> items)
    {
        if (store is not HdfsFileStore)
            return items.Select(i => new ShardInput(i.Name, i.Label, () => Read(i)));
        return Prefetched(items);
    }

    IEnumerable<ShardInput> Prefetched(IEnumerable<ShardItem> items)
    {
        using var queue = new Queue(this, items);
        // Threads of its own: the reads block, and the pool would take half a second to grow for each.
        for (var i = 0; i < Readers; i++)
            new Thread(queue.Read) { IsBackground = true, Name = "read ahead" }.Start();
        while (queue.Take() is { } slot)
            yield return new(slot.Item.Name, slot.Item.Label, () => slot.Content.Task.GetAwaiter().GetResult());
    }

    string Locate(ShardItem item) => $"{root.TrimEnd('/')}/{item.Name}";

    ReadOnlyMemory<byte> Read(ShardItem item)
    {
        if (item.Length > maxFileBytes)
            throw DataErrors.FileTooLarge(item.Name, item.Length, maxFileBytes);
        var buffer = GC.AllocateUninitializedArray<byte>((int)item.Length);
        try
        {
            var length = store.ReadWhole(Locate(item), buffer);
            return length == item.Length ? buffer : throw DataErrors.ShortRead(item.Name, length, item.Length);
        }
        catch (MlNetCifarException e) when (e.Code is not (HdfsErrors.NotFoundCode or "MNC6004") && e.Code.StartsWith("MNC60", StringComparison.Ordinal))
        {
            // A missing or refused file is a bad file; a file system that fails is a failed attempt, not a hole in the data.
            throw new WorkerFaultException(e);
        }
    }

    sealed record Slot(ShardItem Item)
    {
        public TaskCompletionSource<ReadOnlyMemory<byte>> Content { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>Slots in the items' order; several readers fill them, one consumer takes them.</summary>
    sealed class Queue(FilePrefetcher owner, IEnumerable<ShardItem> items) : IDisposable
    {
        readonly object _gate = new();
        readonly IEnumerator<ShardItem> _items = items.GetEnumerator();
        readonly Queue<Slot> _slots = new();
        Exception? _fault;
        long _bytes;
        bool _isEnded;

        /// <summary>The work of a reader.</summary>
        public void Read()
        {
            while (Next() is { } slot)
            {
                try
                {
                    slot.Content.SetResult(owner.Read(slot.Item));
                }
                catch (Exception e)
                {
                    slot.Content.SetException(e);
                }
            }
        }

        /// <summary>The slot that comes next; null at the end.</summary>
        public Slot? Take()
        {
            lock (_gate)
            {
                while (_slots.Count == 0 && !_isEnded)
                    Monitor.Wait(_gate);
                if (!_slots.TryDequeue(out var slot))
                    return _fault is null ? null : throw _fault;
                _bytes -= slot.Item.Length;
                Monitor.PulseAll(_gate);
                return slot;
            }
        }

        public void Dispose()
        {
            lock (_gate)
            {
                _isEnded = true;
                _items.Dispose();
                Monitor.PulseAll(_gate);
            }
        }

        Slot? Next()
        {
            lock (_gate)
            {
                while (!_isEnded && (_slots.Count == Ahead || _bytes > AheadBytes))
                    Monitor.Wait(_gate);
                try
                {
                    if (_isEnded || !_items.MoveNext())
                    {
                        _isEnded = true;
                        Monitor.PulseAll(_gate);
                        return null;
                    }
                }
                catch (Exception e)
                {
                    // The list of images itself could not be read on: the consumer is told when it gets there.
                    (_fault, _isEnded) = (e, true);
                    Monitor.PulseAll(_gate);
                    return null;
                }

                var slot = new Slot(_items.Current);
                _slots.Enqueue(slot);
                _bytes += slot.Item.Length;
                Monitor.PulseAll(_gate);
                return slot;
            }
        }
    }
}

/// <summary>A fault of the surroundings, not of an image: the attempt fails and Spark tries again.</summary>
sealed class WorkerFaultException(Exception cause) : Exception(cause.Message, cause);
