using System.Buffers.Binary;
using Google.Protobuf;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// Reads whole blocks from a data node, one after the other on one connection, over HDFS's data transfer protocol, version 28, and checks them. Several may be
/// asked for at once: the data node then answers without waiting for the next request, which it would otherwise be woken for twice a block.
/// </summary>
/// <param name="stream">Connected to the data node; owned from now on.</param>
sealed class BlockReader(Stream stream) : IDisposable
{
    const byte ReadBlock = 81;
    const int NoChecksum = 0;
    const int MaxPacket = 16 << 20;

    readonly TransferReader _reader = new(stream);

    /// <summary>When the connection was last used, by <see cref="Environment.TickCount64"/>; a data node closes one that rests for four seconds.</summary>
    public long LastUsed { get; private set; } = Environment.TickCount64;

    /// <summary>Reads a block from its start, as many bytes as the destination has.</summary>
    /// <exception cref="IOException">The connection failed.</exception>
    /// <exception cref="InvalidDataException">The data node refused, a checksum is wrong, or the answer is none of this protocol.</exception>
    public void Read(LocatedBlockProto block, Span<byte> destination)
    {
        using var request = new MemoryStream();
        Write(request, block, destination.Length);
        Send(request);
        Receive(destination);
    }

    /// <summary>Asks for files' blocks, which are then to be received in this order.</summary>
    /// <exception cref="IOException">The connection failed.</exception>
    public void Ask(IReadOnlyList<SmallFile> files)
    {
        using var requests = new MemoryStream();
        foreach (var file in files)
            Write(requests, file.Block!, file.Destination.Length);
        Send(requests);
    }

    static void Write(MemoryStream requests, LocatedBlockProto block, int length)
    {
        TransferReader.WriteOperation(requests, ReadBlock, new OpReadBlockProto
        {
            Header = new() { BaseHeader = new() { Block = block.B, Token = block.BlockToken }, ClientName = "mlnetcifar" },
            Offset = 0,
            Len = (ulong)length,
        });
        // What a data node waits for behind a block before it looks at the next request. It promises nothing about checksums, so it may be sent before.
        new ClientReadStatusProto { Status = TransferReader.Success }.WriteDelimitedTo(requests);
    }

    void Send(MemoryStream requests) => stream.Write(requests.GetBuffer().AsSpan(0, (int)requests.Length));

    /// <summary>Receives the next block that was asked for.</summary>
    /// <exception cref="IOException">The connection failed.</exception>
    /// <exception cref="InvalidDataException">The data node refused, a checksum is wrong, or the answer is none of this protocol.</exception>
    public void Receive(Span<byte> destination)
    {
        var response = _reader.Response("read");
        var checksum = response.ReadOpChecksumInfo?.Checksum ?? throw new InvalidDataException("The data node names no checksum.");
        if (checksum.Type is not (NoChecksum or TransferReader.Crc32CChecksum) || checksum.BytesPerChecksum is 0 or > MaxPacket || response.ReadOpChecksumInfo.ChunkOffset != 0)
            throw new InvalidDataException($"Checksums of type {checksum.Type} over {checksum.BytesPerChecksum} bytes are not known here.");
        var done = 0;
        for (var isLast = false; !isLast;)
        {
            (var length, isLast) = Packet(checksum, destination[done..], done);
            done += length;
        }

        if (done != destination.Length)
            throw new InvalidDataException($"The block ended after {done} bytes of {destination.Length}.");
        LastUsed = Environment.TickCount64;
    }

    public void Dispose() => stream.Dispose();

    // A packet: its length without the header, the header's length, the header, checksums, data.
    (int Length, bool IsLast) Packet(ChecksumProto checksum, Span<byte> destination, int position)
    {
        var lengths = _reader.Take(6);
        var payload = BinaryPrimitives.ReadInt32BigEndian(lengths) - sizeof(int);
        var headerLength = BinaryPrimitives.ReadInt16BigEndian(lengths[sizeof(int)..]);
        if (payload is < 0 or > MaxPacket || headerLength < 0)
            throw new InvalidDataException($"A packet of {payload} bytes with a header of {headerLength}.");
        var header = PacketHeaderProto.Parser.ParseFrom(_reader.Take(headerLength));
        var chunk = (int)checksum.BytesPerChecksum;
        var chunks = checksum.Type == NoChecksum ? 0 : (int)(((long)header.DataLen + chunk - 1) / chunk);
        if (header.DataLen < 0 || header.DataLen > destination.Length || header.OffsetInBlock != position || payload != header.DataLen + (sizeof(int) * chunks))
            throw new InvalidDataException($"A packet of {payload} bytes holds {header.DataLen} from {header.OffsetInBlock} on, {destination.Length} are wanted from {position} on.");
        if (header.DataLen == 0 && !header.LastPacketInBlock)
            throw new InvalidDataException("A packet in the middle of a block is empty.");
        var sums = _reader.Take(sizeof(int) * chunks);
        var data = destination[..header.DataLen];
        _reader.CopyTo(data);
        for (var i = 0; i < chunks; i++)
        {
            if (TransferReader.Crc32C(data[(i * chunk)..Math.Min((i + 1) * chunk, data.Length)]) != BinaryPrimitives.ReadUInt32BigEndian(sums[(sizeof(int) * i)..]))
                throw new InvalidDataException($"A checksum is wrong at byte {position + (i * chunk)} of the block.");
        }

        return (header.DataLen, header.LastPacketInBlock);
    }
}
