using MlNetCifar.Data.Files;
using MlNetCifar.Data.Shards;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage.Worker;

/// <summary>Reads the images of a part ahead of the decoder, so that a distant file system's latency is hidden.</summary>
sealed class FilePrefetcher(IFileStore store, string root, long maxFileBytes)
{
    const int Ahead = 16;
    const long AheadBytes = 32 << 20;

    /// <summary>The images in their order; at most a few are in memory.</summary>
    public IEnumerable<ShardInput> Inputs(IEnumerable<ShardItem> items)
    {
        if (store is not HdfsFileStore hdfs)
            return items.Select(i => new ShardInput(i.Name, i.Label, () => Local(i)));
        return Prefetched(hdfs, items);
    }

    IEnumerable<ShardInput> Prefetched(HdfsFileStore hdfs, IEnumerable<ShardItem> items)
    {
        var queue = new Queue<(ShardItem Item, Task<ReadOnlyMemory<byte>> Content)>();
        var bytes = 0L;
        using var source = items.GetEnumerator();
        for (var more = source.MoveNext(); more || queue.Count > 0;)
        {
            for (; more && queue.Count < Ahead && (queue.Count == 0 || bytes + source.Current.Length <= AheadBytes); more = source.MoveNext())
            {
                var item = source.Current;
                bytes += item.Length;
                queue.Enqueue((item, Task.Run(() => RemoteAsync(hdfs, item))));
            }

            var (first, content) = queue.Dequeue();
            bytes -= first.Length;
            yield return new(first.Name, first.Label, () => content.GetAwaiter().GetResult());
        }
    }

    string Locate(ShardItem item) => $"{root.TrimEnd('/')}/{item.Name}";

    void Check(ShardItem item)
    {
        if (item.Length > maxFileBytes)
            throw MlNetCifar.Data.DataErrors.FileTooLarge(item.Name, item.Length, maxFileBytes);
    }

    ReadOnlyMemory<byte> Local(ShardItem item)
    {
        Check(item);
        using var stream = store.OpenRead(Locate(item));
        return Whole(item, stream.ReadAtLeast(Buffer(item, out var buffer), buffer.Length, throwOnEndOfStream: false), buffer);
    }

    static byte[] Buffer(ShardItem item, out byte[] buffer) => buffer = GC.AllocateUninitializedArray<byte>((int)item.Length);

    // A missing or refused file is a bad file; a file system that fails is a failed attempt, not a hole in the data.
    async Task<ReadOnlyMemory<byte>> RemoteAsync(HdfsFileStore hdfs, ShardItem item)
    {
        Check(item);
        try
        {
            var stream = await hdfs.Client.OpenReadAsync(HdfsPath.Split(Locate(item)).Path).ConfigureAwait(false);
            await using (stream.ConfigureAwait(false))
            {
                var buffer = Buffer(item, out _);
                return Whole(item, await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false).ConfigureAwait(false), buffer);
            }
        }
        catch (MlNetCifarException e) when (e.Code is not (HdfsErrors.NotFoundCode or "MNC6004") && e.Code.StartsWith("MNC60", StringComparison.Ordinal))
        {
            throw new WorkerFaultException(e);
        }
    }

    static ReadOnlyMemory<byte> Whole(ShardItem item, int length, byte[] buffer) =>
        length == item.Length ? buffer : throw MlNetCifar.Data.DataErrors.ShortRead(item.Name, length, item.Length);
}

/// <summary>A fault of the surroundings, not of an image: the attempt fails and Spark tries again.</summary>
sealed class WorkerFaultException(Exception cause) : Exception(cause.Message, cause);
