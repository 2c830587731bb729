using System.Buffers.Binary;
using Google.Protobuf;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>What reading and writing a block share: requests, buffered answers, checksums.</summary>
/// <param name="stream">Connected to a data node.</param>
sealed class TransferReader(Stream stream)
{
    public const int Success = 0;
    public const int Crc32CChecksum = 2;

    const short Version = 28;

    byte[] _buffer = new byte[72 << 10];
    int _start;
    int _end;

    /// <summary>Sends a request.</summary>
    public static void SendOperation(Stream stream, byte operation, IMessage parameters)
    {
        using var request = new MemoryStream();
        WriteOperation(request, operation, parameters);
        stream.Write(request.GetBuffer().AsSpan(0, (int)request.Length));
    }

    /// <summary>Puts a request behind others that are sent together.</summary>
    public static void WriteOperation(MemoryStream requests, byte operation, IMessage parameters)
    {
        requests.Write([Version >> 8, (byte)Version, operation]);
        parameters.WriteDelimitedTo(requests);
    }

    /// <summary>CRC-32C (Castagnoli), as RFC 3720 gives it.</summary>
    public static uint Crc32C(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..])
            crc = System.Numerics.BitOperations.Crc32C(crc, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (var value in bytes)
            crc = System.Numerics.BitOperations.Crc32C(crc, value);
        return ~crc;
    }

    /// <summary>A data node's answer to a request.</summary>
    /// <param name="verb">What was asked for: read, write.</param>
    /// <exception cref="InvalidDataException">It refused.</exception>
    public BlockOpResponseProto Response(string verb)
    {
        var response = BlockOpResponseProto.Parser.ParseFrom(Delimited());
        return response.Status == Success ? response : throw new InvalidDataException($"The data node refused to {verb}: {response.Status} {response.Message}");
    }

    /// <summary>A message behind its length; valid until the next read.</summary>
    public ReadOnlySpan<byte> Delimited()
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

    /// <summary>The next bytes; valid until the next read.</summary>
    public ReadOnlySpan<byte> Take(int count)
    {
        Fill(count);
        _start += count;
        return _buffer.AsSpan(_start - count, count);
    }

    /// <summary>The next bytes, past the buffer: what <see cref="Take"/> gave last stays valid.</summary>
    public void CopyTo(Span<byte> destination)
    {
        var present = Math.Min(destination.Length, _end - _start);
        _buffer.AsSpan(_start, present).CopyTo(destination);
        _start += present;
        stream.ReadExactly(destination[present..]);
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
