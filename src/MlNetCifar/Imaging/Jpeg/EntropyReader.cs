using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MlNetCifar.Imaging;

/// <summary>
/// The bits of one restart interval. The bytes are unstuffed up to the next marker into a buffer followed by enough zeros for any one MCU,
/// so that decoding needs no check inside an MCU: <see cref="IsExhausted"/> afterwards says whether more was used than there was.
/// </summary>
struct EntropyReader()
{
    // An MCU has at most 10 blocks of 64 codes of 17 + 15 bits.
    const int Slack = 10 * 64 * 4 + 64;

    public byte[] Buffer = new byte[Slack];
    public ulong Bits;
    public int Count;
    public int Position;
    int _length;

    /// <summary>Whether more bits were taken than the interval holds.</summary>
    public readonly bool IsExhausted => Position - (Count >> 3) > _length;

    /// <summary>Whether whole unread bytes remain.</summary>
    public readonly bool HasLeftovers => Position - (Count >> 3) < _length;

    /// <summary>Loads the interval that starts at <paramref name="start"/>.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="start">First byte of entropy-coded data.</param>
    /// <returns>Where the marker that ends it starts, or the file's length.</returns>
    public int Load(ReadOnlySpan<byte> file, int start)
    {
        Bits = 0;
        Count = 0;
        Position = 0;
        _length = 0;
        var at = start;
        while (at < file.Length)
        {
            var plain = file[at..].IndexOf((byte)0xFF);
            if (plain < 0) plain = file.Length - at;
            Append(file.Slice(at, plain));
            at += plain;
            var next = at;
            while (next < file.Length && file[next] == 0xFF) next++;
            if (next >= file.Length || file[next] != 0) break;
            Append([0xFF]);
            at = next + 1;
        }
        Reserve(Slack);
        Buffer.AsSpan(_length, Slack).Clear();
        return at;
    }

    /// <summary>Discards bits up to a byte boundary is implied by loading; this makes sure that at least 32 bits are there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Fill()
    {
        if (Count < 32) Refill();
    }

    /// <summary>Makes sure that at least 56 bits are there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Refill()
    {
        Bits |= Peek8(Buffer, Position) >> Count;
        Position += (63 - Count) >> 3;
        Count |= 56;
    }

    /// <summary>Passes over bits that are there.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Skip(int count)
    {
        Bits <<= count;
        Count -= count;
    }

    /// <summary>Takes 0 to 16 bits.</summary>
    /// <param name="count">How many.</param>
    public int Take(int count)
    {
        Fill();
        var value = (int)(Bits >> 1 >> (63 - count));
        Bits <<= count;
        Count -= count;
        return value;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Peek8(byte[] buffer, int position) => BinaryPrimitives.ReverseEndianness(
        Unsafe.ReadUnaligned<ulong>(ref Unsafe.Add(ref MemoryMarshal.GetArrayDataReference(buffer), position)));

    /// <summary>Gives a large buffer back.</summary>
    public void Trim(int keepBytes)
    {
        if (Buffer.Length > keepBytes) Buffer = new byte[Slack];
    }

    void Append(ReadOnlySpan<byte> bytes)
    {
        Reserve(bytes.Length);
        bytes.CopyTo(Buffer.AsSpan(_length));
        _length += bytes.Length;
    }

    void Reserve(int extra)
    {
        if (_length + extra > Buffer.Length) Array.Resize(ref Buffer, Math.Max(2 * Buffer.Length, _length + extra));
    }
}
