using System.Buffers.Binary;
using System.Runtime.InteropServices;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>What a frame is.</summary>
internal enum FrameKind : byte
{
    /// <summary>A worker introduces itself.</summary>
    Hello = 1,

    /// <summary>The run refuses it.</summary>
    Refuse = 2,

    /// <summary>The run tells it what is trained.</summary>
    Welcome = 3,

    /// <summary>The worker can begin.</summary>
    Ready = 4,

    /// <summary>The worker cannot go on.</summary>
    Fault = 5,

    /// <summary>Slices to compute.</summary>
    Work = 6,

    /// <summary>The sum of some of them.</summary>
    Part = 7,

    /// <summary>The run is over.</summary>
    End = 8,

    /// <summary>A worker has not answered yet, and is at work.</summary>
    Busy = 9,

    /// <summary>Sums of a worker's slices in the middle of a batch.</summary>
    Sums = 10,

    /// <summary>The sums over all slices.</summary>
    Totals = 11,

    /// <summary>Who the workers of a generation are: they are to connect to each other.</summary>
    Link = 16,

    /// <summary>A worker has, or tells whom it does not reach.</summary>
    Linked = 17,

    /// <summary>A step that workers sum up and make by themselves.</summary>
    Step = 18,

    /// <summary>Slices summed up, a part of their floats: from worker to worker.</summary>
    Node = 19,

    /// <summary>A whole batch summed up, a part of its floats: from worker to worker and to the run.</summary>
    Total = 20,

    /// <summary>A worker could not finish a step with the others.</summary>
    Broken = 21,

    /// <summary>The run gives a generation up.</summary>
    Abandon = 22,

    /// <summary>A worker has.</summary>
    Abandoned = 23,

    /// <summary>A worker is to tell what it holds.</summary>
    Check = 24,

    /// <summary>The hash of that.</summary>
    Digest = 25,

    /// <summary>A worker introduces itself to another.</summary>
    Peer = 26,
}

/// <summary>
/// The unit of what run and workers say to each other, all numbers little-endian: the 4 bytes <c>MNCD</c>, version (1), kind (1), two zeros, int32 length, the payload, and the
/// CRC-32C of all before it. A frame that was cut off, changed, or is longer than the receiver allows is a fault; nothing is taken into memory that was not announced.
/// </summary>
internal static class Frame
{
    /// <summary>Version of the protocol.</summary>
    public const byte Version = 4;

    /// <summary>Longest frame before the two have agreed on anything.</summary>
    public const int MostAtFirst = 4096;

    /// <summary>Bytes before the payload.</summary>
    public const int HeaderLength = 12;

    /// <summary>Bytes behind it.</summary>
    public const int TrailerLength = sizeof(uint);

    /// <summary>Gradients that are converted at a time.</summary>
    internal const int PieceLength = 8192;

    internal static ReadOnlySpan<byte> Magic => "MNCD"u8;

    /// <summary>Writes a frame whose payload is bytes and then floats.</summary>
    /// <returns>Bytes written.</returns>
    public static long Write(Stream stream, FrameKind kind, ReadOnlySpan<byte> head, ReadOnlySpan<float> floats = default)
    {
        var bytes = MemoryMarshal.AsBytes(floats);
        var crc = Begin(stream, kind, head, checked(head.Length + bytes.Length));
        Append(stream, bytes, ref crc);
        return End(stream, head.Length + bytes.Length, crc);
    }

    /// <summary>Writes a frame whose payload is bytes and then the floats of some blocks.</summary>
    /// <returns>Bytes written.</returns>
    public static long Write(Stream stream, FrameKind kind, ReadOnlySpan<byte> head, IReadOnlyList<StateBlock> blocks)
    {
        var length = head.Length;
        for (var i = 0; i < blocks.Count; i++)
            length = checked(length + MemoryMarshal.AsBytes(blocks[i].Values()).Length);
        var crc = Begin(stream, kind, head, length);
        for (var i = 0; i < blocks.Count; i++)
            Append(stream, MemoryMarshal.AsBytes(blocks[i].Values()), ref crc);
        return End(stream, length, crc);
    }

    /// <summary>Writes a frame whose payload is bytes and then a sum, or a part of it.</summary>
    /// <param name="stream">Where to.</param>
    /// <param name="kind">What it is.</param>
    /// <param name="head">The bytes.</param>
    /// <param name="floats">Gradients, and behind them running statistics.</param>
    /// <param name="gradients">How many of them are gradients.</param>
    /// <param name="format">In which those are written; they have been rounded to it.</param>
    /// <returns>Bytes written.</returns>
    public static long Write(Stream stream, FrameKind kind, ReadOnlySpan<byte> head, ReadOnlySpan<float> floats, int gradients, GradientFormat format)
    {
        if (format == GradientFormat.F32)
            return Write(stream, kind, head, floats);
        var statistics = MemoryMarshal.AsBytes(floats[gradients..]);
        var length = checked(head.Length + (gradients * GradientCodec.BytesOf(format)) + statistics.Length);
        var crc = Begin(stream, kind, head, length);
        Span<ushort> bits = stackalloc ushort[PieceLength];
        for (var at = 0; at < gradients;)
        {
            var piece = bits[..Math.Min(PieceLength, gradients - at)];
            GradientCodec.Encode(floats.Slice(at, piece.Length), piece, format);
            Append(stream, MemoryMarshal.AsBytes(piece), ref crc);
            at += piece.Length;
        }

        Append(stream, statistics, ref crc);
        return End(stream, length, crc);
    }

    static uint Begin(Stream stream, FrameKind kind, ReadOnlySpan<byte> head, int length)
    {
        var crc = 0u;
        Span<byte> header = stackalloc byte[HeaderLength];
        Magic.CopyTo(header);
        (header[4], header[5], header[6], header[7]) = (Version, (byte)kind, 0, 0);
        BinaryPrimitives.WriteInt32LittleEndian(header[8..], length);
        Append(stream, header, ref crc);
        Append(stream, head, ref crc);
        return crc;
    }

    static void Append(Stream stream, ReadOnlySpan<byte> bytes, ref uint crc)
    {
        crc = Crc32C.Append(crc, bytes);
        if (!bytes.IsEmpty)
            stream.Write(bytes);
    }

    static long End(Stream stream, int length, uint crc)
    {
        Span<byte> trailer = stackalloc byte[TrailerLength];
        BinaryPrimitives.WriteUInt32LittleEndian(trailer, crc);
        stream.Write(trailer);
        stream.Flush();
        return HeaderLength + (long)length + TrailerLength;
    }
}

/// <summary>Reads frames: its head, then its payload in pieces, then its end.</summary>
/// <param name="stream">Where they come from.</param>
internal sealed class FrameReader(Stream stream)
{
    uint _crc;

    /// <summary>Longest payload that is taken.</summary>
    public int Most { get; set; } = Frame.MostAtFirst;

    /// <summary>Bytes of the payload that have not been read.</summary>
    public int Left { get; private set; }

    /// <summary>Bytes read in all.</summary>
    public long Total { get; private set; }

    /// <summary>Waits for a frame.</summary>
    /// <returns>What it is; null where the other side has ended between two frames.</returns>
    /// <exception cref="InvalidDataException">This is no frame.</exception>
    /// <exception cref="MlNetCifarException">It is one of another version (MNC3306).</exception>
    public FrameKind? Next()
    {
        Span<byte> header = stackalloc byte[Frame.HeaderLength];
        var found = stream.ReadAtLeast(header, header.Length, throwOnEndOfStream: false);
        if (found == 0)
            return null;
        if (found < header.Length)
            throw CutOff();
        if (!header[..Frame.Magic.Length].SequenceEqual(Frame.Magic))
            throw new InvalidDataException("a frame does not begin as frames do");
        if (header[4] != Frame.Version)
            throw DistributedErrors.OtherProtocol(header[4], Frame.Version);
        Left = BinaryPrimitives.ReadInt32LittleEndian(header[8..]);
        if (Left < 0 || Left > Most)
            throw new InvalidDataException(FormattableString.Invariant($"a frame claims {Left:N0} bytes, and at most {Most:N0} were expected"));
        if (!Enum.IsDefined((FrameKind)header[5]) || header[6] != 0 || header[7] != 0)
            throw new InvalidDataException(FormattableString.Invariant($"a frame is of the kind {header[5]}, which is not known"));
        _crc = Crc32C.Append(0, header);
        Total += header.Length;
        return (FrameKind)header[5];
    }

    /// <summary>Reads a piece of the payload.</summary>
    public void Read(Span<byte> destination)
    {
        if (destination.Length > Left)
            throw new InvalidDataException(FormattableString.Invariant($"a frame ends {destination.Length - Left:N0} bytes early"));
        Fill(destination);
        _crc = Crc32C.Append(_crc, destination);
        Left -= destination.Length;
    }

    /// <summary>Reads floats.</summary>
    public void Read(Span<float> destination) => Read(MemoryMarshal.AsBytes(destination));

    /// <summary>Reads a sum, or a part of it.</summary>
    /// <param name="destination">Gets gradients, and behind them running statistics.</param>
    /// <param name="gradients">How many of them are gradients.</param>
    /// <param name="format">In which those were written.</param>
    public void Read(Span<float> destination, int gradients, GradientFormat format)
    {
        if (format == GradientFormat.F32)
        {
            Read(destination);
            return;
        }

        Span<ushort> bits = stackalloc ushort[Frame.PieceLength];
        for (var at = 0; at < gradients;)
        {
            var piece = bits[..Math.Min(Frame.PieceLength, gradients - at)];
            Read(MemoryMarshal.AsBytes(piece));
            GradientCodec.Decode(piece, destination.Slice(at, piece.Length), format);
            at += piece.Length;
        }

        Read(destination[gradients..]);
    }

    /// <summary>Passes over all that is left.</summary>
    public void Skip()
    {
        Span<byte> piece = stackalloc byte[1024];
        while (Left > 0)
            Read(piece[..Math.Min(Left, piece.Length)]);
        End();
    }

    /// <summary>Reads all that is left.</summary>
    public byte[] Rest()
    {
        var rest = new byte[Left];
        Read(rest);
        End();
        return rest;
    }

    /// <summary>Checks that the payload has been read and is what was sent.</summary>
    public void End()
    {
        if (Left > 0)
            throw new InvalidDataException(FormattableString.Invariant($"a frame is {Left:N0} bytes too long"));
        Span<byte> trailer = stackalloc byte[Frame.TrailerLength];
        Fill(trailer);
        if (BinaryPrimitives.ReadUInt32LittleEndian(trailer) != _crc)
            throw new InvalidDataException("the checksum of a frame is wrong");
    }

    static InvalidDataException CutOff() => new("a frame was cut off");

    void Fill(Span<byte> destination)
    {
        if (stream.ReadAtLeast(destination, destination.Length, throwOnEndOfStream: false) < destination.Length)
            throw CutOff();
        Total += destination.Length;
    }
}
