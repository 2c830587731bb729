using System.Collections.Concurrent;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>Reads blocks from data nodes over connections that stay open for a while. Thread-safe.</summary>
/// <param name="timeout">Longest wait of a read.</param>
sealed class BlockPool(TimeSpan timeout) : IDisposable
{
    const long MaxRest = 3000;

    readonly ConcurrentDictionary<(string Host, uint Port), ConcurrentStack<BlockReader>> _idle = new();

    /// <summary>Reads a block whole, from the first data node that has it undamaged.</summary>
    /// <exception cref="IOException">No data node could be reached.</exception>
    /// <exception cref="InvalidDataException">None has it.</exception>
    public void Read(LocatedBlockProto block, Span<byte> destination)
    {
        for (var i = 0; ; i++)
        {
            try
            {
                Read(block.Locs[i].Id, block, destination);
                return;
            }
            catch (Exception e) when (e is IOException or InvalidDataException && i + 1 < block.Locs.Count)
            {
                // Another copy may be whole.
            }
        }
    }

    public void Dispose()
    {
        foreach (var connection in _idle.Values.SelectMany(s => s))
            connection.Dispose();
    }

    void Read(DatanodeIDProto node, LocatedBlockProto block, Span<byte> destination)
    {
        var idle = _idle.GetOrAdd((node.IpAddr, node.XferPort), _ => []);
        while (idle.TryPop(out var rested))
        {
            try
            {
                if (Environment.TickCount64 - rested.LastUsed < MaxRest)
                {
                    Use(rested, destination);
                    return;
                }
            }
            catch (IOException)
            {
                // The data node may have closed the connection while it rested: that says nothing about the block.
            }

            rested.Dispose();
        }

        Use(new(TcpStream.Connect(node.IpAddr, (int)node.XferPort, timeout)), destination);

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

            idle.Push(connection);
        }
    }
}
