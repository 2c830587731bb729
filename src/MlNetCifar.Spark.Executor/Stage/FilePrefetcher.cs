using System.Runtime.ExceptionServices;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>Reads the images of a part ahead of the decoder, so that a distant file system's latency is hidden.</summary>
sealed class FilePrefetcher(IFileStore store, string root, long maxFileBytes)
{
    const int Readers = 4;
    const int BatchesAhead = 4;
    const int BatchFiles = 8;
    const long BatchBytes = 4 << 20;
    const long AheadBytes = 16 << 20;

    /// <summary>The images in their order; at most a few are in memory.</summary>
    public IEnumerable<ShardInput> Inputs(IEnumerable<PlacedImage> items)
    {
        return store is HdfsFileStore hdfs ? Prefetched(hdfs, items) : items.Select(i => new ShardInput(i.Item.Name, i.Item.Label, () => Read(i.Item)));
    }

    IEnumerable<ShardInput> Prefetched(HdfsFileStore hdfs, IEnumerable<PlacedImage> items)
    {
        using var queue = new Queue(this, hdfs, items);
        // Threads of its own: the reads block, and the pool would take half a second to grow for each.
        for (var i = 0; i < Readers; i++)
            new Thread(queue.Read) { IsBackground = true, Name = "read ahead" }.Start();
        while (queue.Take() is { } batch)
            for (var i = 0; i < batch.Items.Count; i++)
                yield return batch.Input(i);
    }

    string Locate(ShardItem item) => $"{root.TrimEnd('/')}/{item.Name}";

    ReadOnlyMemory<byte> Read(ShardItem item)
    {
        try
        {
            return store.ReadFile(Locate(item), item.Length, maxFileBytes, item.Name);
        }
        catch (MlNetCifarException e) when (HdfsErrors.IsOutage(e))
        {
            // A missing file is a bad file; a file system that fails or refuses is a failed attempt, not a hole in the data.
            throw new WorkerFaultException(e);
        }
    }

    /// <summary>Reads several images together, those that are small enough; null for the others.</summary>
    SmallFile?[] ReadAll(HdfsFileStore hdfs, List<PlacedImage> images)
    {
        var files = images.ConvertAll(i => i.Item.Length <= Math.Min(maxFileBytes, BatchBytes)
            ? new SmallFile(hdfs.Local(Locate(i.Item)), GC.AllocateUninitializedArray<byte>((int)i.Item.Length), i.Block) : null);
        hdfs.TryReadAll([.. files.OfType<SmallFile>()]);
        return [.. files];
    }

    /// <summary>Some images that follow each other: waking a thread for each would cost more than reading it.</summary>
    sealed class Batch
    {
        readonly List<object> _contents = [];

        public List<PlacedImage> Items { get; } = [];

        public long Bytes { get; private set; }

        public bool IsRead { get; set; }

        public void Add(PlacedImage item)
        {
            Items.Add(item);
            Bytes += item.Item.Length;
        }

        public void Read(FilePrefetcher owner, HdfsFileStore hdfs)
        {
            var together = owner.ReadAll(hdfs, Items);
            for (var i = 0; i < Items.Count; i++)
            {
                try
                {
                    _contents.Add(together[i] is { IsRead: true } file ? (ReadOnlyMemory<byte>)file.Destination : owner.Read(Items[i].Item));
                }
                catch (Exception e)
                {
                    // The consumer is told when it gets there.
                    _contents.Add(ExceptionDispatchInfo.Capture(e));
                }
            }
        }

        public ShardInput Input(int index)
        {
            var content = _contents[index];
            return new(Items[index].Item.Name, Items[index].Item.Label, () =>
            {
                (content as ExceptionDispatchInfo)?.Throw();
                return (ReadOnlyMemory<byte>)content;
            });
        }
    }

    /// <summary>Batches in the items' order; several readers fill them, one consumer takes them.</summary>
    sealed class Queue(FilePrefetcher owner, HdfsFileStore hdfs, IEnumerable<PlacedImage> items) : IDisposable
    {
        readonly object _gate = new();
        readonly IEnumerator<PlacedImage> _items = items.GetEnumerator();
        readonly Queue<Batch> _batches = new();
        Exception? _fault;
        long _bytes;
        bool _isEnded;

        /// <summary>The work of a reader.</summary>
        public void Read()
        {
            while (Next() is { } batch)
            {
                batch.Read(owner, hdfs);
                lock (_gate)
                {
                    batch.IsRead = true;
                    if (_batches.TryPeek(out var first) && first == batch)
                        Monitor.PulseAll(_gate);
                }
            }
        }

        /// <summary>The batch that comes next, once it is read; null at the end.</summary>
        public Batch? Take()
        {
            lock (_gate)
            {
                while (_batches.Count == 0 ? !_isEnded : !_batches.Peek().IsRead)
                    Monitor.Wait(_gate);
                if (!_batches.TryDequeue(out var batch))
                    return _fault is null ? null : throw _fault;
                _bytes -= batch.Bytes;
                Monitor.PulseAll(_gate);
                return batch;
            }
        }

        public void Dispose()
        {
            lock (_gate)
            {
                _isEnded = true;
                _batches.Clear();
                _items.Dispose();
                Monitor.PulseAll(_gate);
            }
        }

        Batch? Next()
        {
            lock (_gate)
            {
                while (!_isEnded && (_batches.Count == BatchesAhead || _bytes >= AheadBytes))
                    Monitor.Wait(_gate);
                var batch = new Batch();
                try
                {
                    while (!_isEnded && batch.Items.Count < BatchFiles && batch.Bytes < BatchBytes && _items.MoveNext())
                        batch.Add(_items.Current);
                }
                catch (Exception e)
                {
                    // The list of images itself could not be read on.
                    _fault = e;
                }

                _isEnded |= _fault is not null || batch.Items.Count == 0;
                if (batch.Items.Count == 0)
                {
                    Monitor.PulseAll(_gate);
                    return null;
                }

                _bytes += batch.Bytes;
                _batches.Enqueue(batch);
                return batch;
            }
        }
    }
}

/// <summary>A fault of the surroundings, not of an image: the attempt fails and Spark tries again.</summary>
sealed class WorkerFaultException(Exception cause) : Exception(cause.Message, cause);
