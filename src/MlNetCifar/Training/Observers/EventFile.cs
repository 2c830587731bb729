using System.Buffers.Binary;
using System.Text;

namespace MlNetCifar.Training;

/// <summary>
/// A TensorBoard event file: TFRecords (uint64 length, masked CRC-32C of the length, the bytes, masked CRC-32C of the bytes) of Event messages in the protocol buffers'
/// wire format. Fields: Event wall_time = 1 (double), step = 2, file_version = 3, summary = 5, session_log = 7; Summary value = 1; Value tag = 1, simple_value = 2 (float);
/// SessionLog status = 1, where 1 means START.
/// </summary>
/// <param name="stream">Where to write; not disposed.</param>
internal sealed class EventFile(Stream stream)
{
    const uint MaskDelta = 0xA282EAD8;

    /// <summary>The first record of every file.</summary>
    public void WriteVersion(double wallTime) => Write(wallTime, 0, message => Bytes(message, 3, "brain.Event:2"u8));

    /// <summary>A restart: readers forget what earlier files say about this step and later ones.</summary>
    public void WriteStart(double wallTime, long step) => Write(wallTime, step, message => Bytes(message, 7, [0x08, 0x01]));

    /// <summary>Values of one step.</summary>
    public void WriteScalars(double wallTime, long step, IEnumerable<(string Tag, double Value)> scalars)
    {
        using var summary = new MemoryStream();
        using var value = new MemoryStream();
        Span<byte> single = stackalloc byte[sizeof(float)];
        foreach (var (tag, number) in scalars)
        {
            value.SetLength(0);
            Bytes(value, 1, Encoding.UTF8.GetBytes(tag));
            value.WriteByte((2 << 3) | 5);
            BinaryPrimitives.WriteSingleLittleEndian(single, (float)number);
            value.Write(single);
            Bytes(summary, 1, value.GetBuffer().AsSpan(0, (int)value.Length));
        }

        Write(wallTime, step, message => Bytes(message, 5, summary.GetBuffer().AsSpan(0, (int)summary.Length)));
    }

    void Write(double wallTime, long step, Action<MemoryStream> content)
    {
        using var message = new MemoryStream();
        Span<byte> eight = stackalloc byte[sizeof(double)];
        message.WriteByte((1 << 3) | 1);
        BinaryPrimitives.WriteDoubleLittleEndian(eight, wallTime);
        message.Write(eight);
        message.WriteByte(2 << 3);
        Varint(message, (ulong)step);
        content(message);

        // In one piece, so that a reader at work sees whole records only.
        var length = (int)message.Length;
        var record = new byte[sizeof(ulong) + sizeof(uint) + length + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Masked(record.AsSpan(0, 8)));
        message.GetBuffer().AsSpan(0, length).CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + length), Masked(record.AsSpan(12, length)));
        stream.Write(record);
    }

    static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = Crc32C.Append(0, bytes);
        return ((crc >> 15) | (crc << 17)) + MaskDelta;
    }

    static void Bytes(MemoryStream stream, int field, ReadOnlySpan<byte> bytes)
    {
        stream.WriteByte((byte)((field << 3) | 2));
        Varint(stream, (ulong)bytes.Length);
        stream.Write(bytes);
    }

    static void Varint(MemoryStream stream, ulong value)
    {
        for (; value >= 0x80; value >>= 7)
            stream.WriteByte((byte)(value | 0x80));
        stream.WriteByte((byte)value);
    }
}
