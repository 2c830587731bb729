using System.Collections.Concurrent;
using Google.Protobuf;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs.Native;

/// <summary>
/// Reads whole small files the way Hadoop's own client does: the name node says where the blocks lie, a data node sends them on a connection that stays open.
/// WebHDFS needs two requests and a new HDFS client inside the data node for each file. It is a short cut and nothing more: where anything
/// is unusual (another authentication, encryption, erasure coding, a fault) it says no, and WebHDFS gives the answer or the error. Thread-safe; it blocks.
/// </summary>
sealed class NativeHdfsReader : IDisposable
{
    const int MaxFailures = 3;
    const long MaxRest = 3000;

    readonly ConcurrentDictionary<(string Host, uint Port), ConcurrentStack<DataNodeConnection>> _idle = new();
    readonly NameNodeClient? _nameNodes;
    readonly BlockLocator? _locator;
    readonly TimeSpan _timeout;
    int _failures;

    /// <summary>Connects to nothing yet.</summary>
    /// <param name="nameNodes">RPC addresses, tried in turn; none to read nothing this way.</param>
    /// <param name="user">The HDFS user.</param>
    /// <param name="timeout">Longest wait of a read.</param>
    public NativeHdfsReader(IReadOnlyList<Uri> nameNodes, string user, TimeSpan timeout)
    {
        _timeout = timeout;
        if (nameNodes.Count == 0)
            return;
        _nameNodes = new(nameNodes, user, timeout);
        _locator = new(_nameNodes);
    }

    /// <summary>Whether reading this way is still tried: after three failures in a row it is not.</summary>
    public bool IsUsable => _locator is not null && Volatile.Read(ref _failures) < MaxFailures;

    /// <summary>Reads a file of a known length; false where it has another, or where it could not be read this way. The destination may be written to all the same.</summary>
    public bool TryRead(string path, Span<byte> destination)
    {
        if (!IsUsable || destination.IsEmpty)
            return false;
        try
        {
            if (_locator!.Locate(path, destination.Length) is not { } located || !IsPlain(located, destination.Length))
                return false;
            foreach (var block in located.Blocks)
                Read(block, destination.Slice((int)block.Offset, (int)block.B.NumBytes));
            Volatile.Write(ref _failures, 0);
            return true;
        }
        catch (HadoopRpcException)
        {
            return false;
        }
        catch (Exception e) when (e is IOException or InvalidDataException or InvalidProtocolBufferException or ObjectDisposedException)
        {
            Interlocked.Increment(ref _failures);
            return false;
        }
    }

    public void Dispose()
    {
        _nameNodes?.Dispose();
        foreach (var connection in _idle.Values.SelectMany(s => s))
            connection.Dispose();
    }

    // The blocks must follow each other and cover the file, as their lengths are trusted from here on.
    static bool IsPlain(LocatedBlocksProto located, int length)
    {
        if (located.FileLength != (ulong)length || located.UnderConstruction || located.HasFileEncryptionInfo || located.HasEcPolicy)
            return false;
        var end = 0UL;
        foreach (var block in located.Blocks)
        {
            if (block.Corrupt || block.Locs.Count == 0 || block.Offset != end || block.B.NumBytes > (ulong)length - end)
                return false;
            end += block.B.NumBytes;
        }

        return end == (ulong)length;
    }

    void Read(LocatedBlockProto block, Span<byte> destination)
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

        Use(new(TcpStream.Connect(node.IpAddr, (int)node.XferPort, _timeout)), destination);

        void Use(DataNodeConnection connection, Span<byte> destination)
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
