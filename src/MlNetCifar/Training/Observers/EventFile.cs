using System.Buffers.Binary;
using MlNetCifar.Files;

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
    public void WriteVersion(double wallTime) => Write(wallTime, 0, message => message.Bytes(3, "brain.Event:2"u8));

    /// <summary>A restart: readers forget what earlier files say about this step and later ones.</summary>
    public void WriteStart(double wallTime, long step) => Write(wallTime, step, message => message.Message(7, log => log.Int(1, 1)));

    /// <summary>Values of one step.</summary>
    public void WriteScalars(double wallTime, long step, IEnumerable<(string Tag, double Value)> scalars) => Write(wallTime, step, message => message.Message(5, summary =>
    {
        foreach (var (tag, number) in scalars)
            summary.Message(1, value =>
            {
                value.Text(1, tag);
                value.Real(2, (float)number);
            });
    }));

    void Write(double wallTime, long step, Action<ProtoWriter> content)
    {
        var message = new ProtoWriter();
        message.Double(1, wallTime);
        message.Int(2, step);
        content(message);

        // In one piece, so that a reader at work sees whole records only.
        var length = message.Content.Length;
        var record = new byte[sizeof(ulong) + sizeof(uint) + length + sizeof(uint)];
        BinaryPrimitives.WriteUInt64LittleEndian(record, (ulong)length);
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(8), Masked(record.AsSpan(0, 8)));
        message.Content.Span.CopyTo(record.AsSpan(12));
        BinaryPrimitives.WriteUInt32LittleEndian(record.AsSpan(12 + length), Masked(record.AsSpan(12, length)));
        stream.Write(record);
    }

    static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = Crc32C.Append(0, bytes);
        return ((crc >> 15) | (crc << 17)) + MaskDelta;
    }
}
