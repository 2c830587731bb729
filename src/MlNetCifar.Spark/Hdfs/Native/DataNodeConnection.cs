using System.Buffers.Binary;
using Google.Protobuf;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs.Native;

/// <summary>A connection to a data node over HDFS's data transfer protocol, version 28: reads whole blocks, one after the other, and checks them.</summary>
sealed class DataNodeConnection(Stream stream) : IDisposable
{
    const short Version = 28;
    const byte ReadBlock = 81;
    const int Success = 0;
    const int ChecksumOk = 6;
    const int NoChecksum = 0;
    const int Crc32CChecksum = 2;
    const int MaxPacket = 16 << 20;

    byte[] _buffer = new byte[72 << 10];
    int _start;
    int _end;

    /// <summary>When the connection was last used, by <see cref="Environment.TickCount64"/>; a data node closes one that rests for four seconds.</summary>
    public long LastUsed { get; private set; } = Environment.TickCount64;

    /// <summary>Reads a block from its start, as many bytes as the destination has.</summary>
    /// <exception cref="IOException">The connection failed.</exception>
    /// <exception cref="InvalidDataException">The data node refused, a checksum is wrong, or the answer is none of this protocol.</exception>
    public void Read(LocatedBlockProto block, Span<byte> destination)
    {
        Send(block, destination.Length);
        var response = BlockOpResponseProto.Parser.ParseFrom(Delimited());
        if (response.Status != Success)
            throw new InvalidDataException($"The data node refused to read: {response.Status} {response.Message}");
        var checksum = response.ReadOpChecksumInfo?.Checksum ?? throw new InvalidDataException("The data node names no checksum.");
        if (checksum.Type is not (NoChecksum or Crc32CChecksum) || checksum.BytesPerChecksum is 0 or > MaxPacket || response.ReadOpChecksumInfo.ChunkOffset != 0)
            throw new InvalidDataException($"Checksums of type {checksum.Type} over {checksum.BytesPerChecksum} bytes are not known here.");
        for (var done = 0; ;)
        {
            var (length, isLast) = Packet(checksum, destination[done..], done);
            done += length;
            if (!isLast)
                continue;
            if (done != destination.Length)
                throw new InvalidDataException($"The block ended after {done} bytes of {destination.Length}.");
            break;
        }

        // Without this answer the data node does not take another request on the connection.
        using var status = new MemoryStream();
        new ClientReadStatusProto { Status = checksum.Type == NoChecksum ? Success : ChecksumOk }.WriteDelimitedTo(status);
        stream.Write(status.GetBuffer().AsSpan(0, (int)status.Length));
        LastUsed = Environment.TickCount64;
    }

    public void Dispose() => stream.Dispose();

    void Send(LocatedBlockProto block, int length)
    {
        using var request = new MemoryStream();
        request.Write([Version >> 8, (byte)Version, ReadBlock]);
        new OpReadBlockProto
        {
            Header = new() { BaseHeader = new() { Block = block.B, Token = block.BlockToken }, ClientName = "mlnetcifar" },
            Offset = 0,
            Len = (ulong)length,
        }.WriteDelimitedTo(request);
        stream.Write(request.GetBuffer().AsSpan(0, (int)request.Length));
    }

    // A packet: its length without the header, the header's length, the header, checksums, data.
    (int Length, bool IsLast) Packet(ChecksumProto checksum, Span<byte> destination, int position)
    {
        Fill(6);
        var payload = BinaryPrimitives.ReadInt32BigEndian(_buffer.AsSpan(_start)) - sizeof(int);
        var headerLength = BinaryPrimitives.ReadInt16BigEndian(_buffer.AsSpan(_start + sizeof(int)));
        _start += 6;
        if (payload is < 0 or > MaxPacket || headerLength < 0)
            throw new InvalidDataException($"A packet of {payload} bytes with a header of {headerLength}.");
        var header = PacketHeaderProto.Parser.ParseFrom(Take(headerLength));
        var chunk = (int)checksum.BytesPerChecksum;
        var chunks = checksum.Type == NoChecksum ? 0 : (int)(((long)header.DataLen + chunk - 1) / chunk);
        // The data node may send the rest of a chunk beyond what was asked for only where a read ends inside a block; blocks are read whole.
        if (header.DataLen < 0 || header.DataLen > destination.Length || header.OffsetInBlock != position || payload != header.DataLen + (sizeof(int) * chunks))
            throw new InvalidDataException($"A packet of {payload} bytes holds {header.DataLen} from {header.OffsetInBlock} on, {destination.Length} are wanted from {position} on.");
        if (header.DataLen == 0 && !header.LastPacketInBlock)
            throw new InvalidDataException("A packet in the middle of a block is empty.");
        Fill(sizeof(int) * chunks);
        var sums = _start;
        _start += sizeof(int) * chunks;
        var data = destination[..header.DataLen];
        // The checksums stay where they are: the data's rest goes past the buffer.
        var present = Math.Min(data.Length, _end - _start);
        _buffer.AsSpan(_start, present).CopyTo(data);
        _start += present;
        stream.ReadExactly(data[present..]);
        for (var i = 0; i < chunks; i++)
        {
            var part = data[(i * chunk)..Math.Min((i + 1) * chunk, data.Length)];
            if (Crc32C(part) != BinaryPrimitives.ReadUInt32BigEndian(_buffer.AsSpan(sums + (sizeof(int) * i))))
                throw new InvalidDataException($"A checksum is wrong at byte {position + (i * chunk)} of the block.");
        }

        return (header.DataLen, header.LastPacketInBlock);
    }

    /// <summary>CRC-32C (Castagnoli), as RFC 3720 gives it.</summary>
    internal static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = System.Numerics.BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var value in bytes)
            crc = System.Numerics.BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    ReadOnlySpan<byte> Delimited()
    {
        var (length, shift) = (0, 0);
        while (true)
        {
            Fill(1);
            var value = _buffer[_start++];
            length |= (value & 0x7F) << shift;
            if (value < 0x80)
                break;
            shift += 7;
            if (shift > 21)
                throw new InvalidDataException("A message is too long.");
        }

        return Take(length);
    }

    ReadOnlySpan<byte> Take(int count)
    {
        Fill(count);
        _start += count;
        return _buffer.AsSpan(_start - count, count);
    }

    // Has at least so many bytes in the buffer; what is in it already may move to its start.
    void Fill(int count)
    {
        if (_end - _start >= count)
            return;
        _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
        (_start, _end) = (0, _end - _start);
        if (count > _buffer.Length)
            Array.Resize(ref _buffer, count);
        _end += stream.ReadAtLeast(_buffer.AsSpan(_end), count - _end);
    }
}
