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

    readonly ConcurrentDictionary<(string Host, uint Port), ConcurrentStack<BlockReader>> _idle = new();
    readonly ConcurrentDictionary<(string Host, uint Port), long> _away = new();

    /// <summary>The data node to read a block from: the first that has it and could be reached last.</summary>
    public DatanodeIDProto Choose(LocatedBlockProto block) => (block.Locs.FirstOrDefault(l => !IsAway(l.Id)) ?? block.Locs[0]).Id;

    /// <summary>Reads a block whole, from the first data node that has it undamaged.</summary>
    /// <exception cref="IOException">No data node could be reached.</exception>
    /// <exception cref="InvalidDataException">None has it.</exception>
    public void Read(LocatedBlockProto block, Span<byte> destination)
    {
        var copies = block.Locs.Select(l => l.Id).OrderBy(IsAway).ToArray();
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

    /// <summary>Reads whole blocks of one data node, asking for all of them at once.</summary>
    /// <returns>How many of them, from the first on, were read: the rest may be read elsewhere, or again.</returns>
    public int ReadAll(DatanodeIDProto node, IReadOnlyList<(LocatedBlockProto Block, Memory<byte> Destination)> blocks)
    {
        var done = 0;
        BlockReader? connection = null;
        try
        {
            connection = Rested(node) ?? Connect(node);
            connection.Ask(blocks.Select(b => (b.Block, b.Destination.Length)));
            for (; done < blocks.Count; done++)
                connection.Receive(blocks[done].Destination.Span);
            Idle(node).Push(connection);
        }
        catch (Exception e) when (e is IOException or InvalidDataException or Google.Protobuf.InvalidProtocolBufferException)
        {
            // Whoever reads the rest alone meets the fault again, or another copy.
        }
        finally
        {
            // What is still on its way would be taken for the next block.
            if (done < blocks.Count)
                connection?.Dispose();
        }

        return done;
    }

    /// <summary>A new connection to a data node, for any operation; owned by the caller.</summary>
    /// <exception cref="IOException">It could not be reached.</exception>
    public Stream Open(DatanodeIDProto node) => TcpStream.Connect(Host(node), (int)node.XferPort, timeout);

    public void Dispose()
    {
        foreach (var connection in _idle.Values.SelectMany(s => s))
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

            Idle(node).Push(connection);
        }
    }

    BlockReader? Rested(DatanodeIDProto node)
    {
        while (Idle(node).TryPop(out var rested))
        {
            if (Environment.TickCount64 - rested.LastUsed < MaxRest)
                return rested;
            rested.Dispose();
        }

        return null;
    }

    ConcurrentStack<BlockReader> Idle(DatanodeIDProto node) => _idle.GetOrAdd((Host(node), node.XferPort), _ => []);

    BlockReader Connect(DatanodeIDProto node)
    {
        try
        {
            var connection = new BlockReader(Open(node));
            _away.TryRemove((Host(node), node.XferPort), out _);
            return connection;
        }
        catch (IOException)
        {
            _away[(Host(node), node.XferPort)] = Environment.TickCount64;
            throw;
        }
    }

    bool IsAway(DatanodeIDProto node) => !_away.IsEmpty && _away.TryGetValue((Host(node), node.XferPort), out var since) && Environment.TickCount64 - since < MaxAway;

    string Host(DatanodeIDProto node) => byName ? node.HostName : node.IpAddr;
}
