using System.Collections.Concurrent;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>Reads blocks from data nodes over connections that stay open for a while. Thread-safe.</summary>
/// <param name="timeout">Longest wait of a read.</param>
/// <param name="byName">Whether data nodes are called by name rather than by address.</param>
sealed class BlockPool(TimeSpan timeout, bool byName = false) : IDisposable
{
    const long MaxRest = 3000;

    /// <summary>How long one that could not be reached is asked last.</summary>
    const long MaxAway = 30_000;

    readonly ConcurrentDictionary<string, DataNode> _nodes = new(StringComparer.Ordinal);

    /// <summary>Reads a block whole, from the first data node that has it undamaged.</summary>
    /// <exception cref="IOException">No data node could be reached.</exception>
    /// <exception cref="InvalidDataException">None has it.</exception>
    public void Read(LocatedBlockProto block, Span<byte> destination)
    {
        var copies = block.Locs.Select(l => l.Id).OrderBy(n => Node(n).IsAway).ToArray();
        for (var i = 0; ; i++)
        {
            try
            {
                Read(copies[i], block, destination);
                return;
            }
            catch (Exception e) when (e is IOException or InvalidDataException && i + 1 < copies.Length)
            {
                // Another copy may be whole.
            }
        }
    }

    /// <summary>Reads files whose blocks are known, asking a data node for all that it has of them at once. What was not read may be read elsewhere, or again.</summary>
    public void ReadAll(IEnumerable<SmallFile> files)
    {
        // By the node of the first that is left: mostly it has them all.
        for (var open = files.ToList(); open.Count > 0;)
        {
            var id = Choose(open[0].Block!);
            var node = Node(id);
            var here = open.FindAll(f => Node(Choose(f.Block!)) == node);
            open.RemoveAll(here.Contains);
            ReadAll(id, here);
        }
    }

    void ReadAll(DatanodeIDProto node, List<SmallFile> files)
    {
        var done = 0;
        BlockReader? connection = null;
        try
        {
            connection = Rested(node) ?? Connect(node);
            connection.Ask(files);
            for (; done < files.Count; done++)
            {
                connection.Receive(files[done].Destination.Span);
                files[done].IsRead = true;
            }

            Node(node).Idle.Push(connection);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or Google.Protobuf.InvalidProtocolBufferException)
        {
            // Whoever reads the rest alone meets the fault again, or another copy.
        }
        finally
        {
            // What is still on its way would be taken for the next block.
            if (done < files.Count)
                connection?.Dispose();
        }
    }

    /// <summary>A new connection to a data node, for any operation; owned by the caller.</summary>
    /// <exception cref="IOException">It could not be reached.</exception>
    public Stream Open(DatanodeIDProto node) => TcpStream.Connect(Host(node), (int)node.XferPort, timeout);

    public void Dispose()
    {
        foreach (var connection in _nodes.Values.SelectMany(n => n.Idle))
            connection.Dispose();
    }

    void Read(DatanodeIDProto node, LocatedBlockProto block, Span<byte> destination)
    {
        while (Rested(node) is { } rested)
        {
            try
            {
                Use(rested, destination);
                return;
            }
            catch (IOException)
            {
                // The data node may have closed the connection while it rested: that says nothing about the block.
            }
        }

        Use(Connect(node), destination);

        void Use(BlockReader connection, Span<byte> destination)
        {
            try
            {
                connection.Read(block, destination);
            }
            catch
            {
                connection.Dispose();
                throw;
            }

            Node(node).Idle.Push(connection);
        }
    }

    BlockReader? Rested(DatanodeIDProto node)
    {
        while (Node(node).Idle.TryPop(out var rested))
        {
            if (Environment.TickCount64 - rested.LastUsed < MaxRest)
                return rested;
            rested.Dispose();
        }

        return null;
    }

    BlockReader Connect(DatanodeIDProto node)
    {
        try
        {
            var connection = new BlockReader(Open(node));
            Node(node).AwaySince = 0;
            return connection;
        }
        catch (IOException)
        {
            Node(node).AwaySince = Environment.TickCount64;
            throw;
        }
    }

    // The first that has it and could be reached last.
    DatanodeIDProto Choose(LocatedBlockProto block)
    {
        foreach (var copy in block.Locs)
            if (!Node(copy.Id).IsAway)
                return copy.Id;
        return block.Locs[0].Id;
    }

    DataNode Node(DatanodeIDProto node) => _nodes.GetOrAdd($"{Host(node)}:{node.XferPort}", _ => new());

    string Host(DatanodeIDProto node) => byName ? node.HostName : node.IpAddr;

    sealed class DataNode
    {
        public ConcurrentStack<BlockReader> Idle { get; } = [];

        /// <summary>Since when it cannot be reached, by <see cref="Environment.TickCount64"/>; 0 where it can.</summary>
        public long AwaySince { get; set; }

        public bool IsAway => AwaySince is > 0 and var since && Environment.TickCount64 - since < MaxAway;
    }
}
