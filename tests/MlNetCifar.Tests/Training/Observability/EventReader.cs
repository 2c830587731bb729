using System.Buffers.Binary;
using System.Text;

namespace MlNetCifar.Tests.Training.Observability;

/// <summary>Reads TensorBoard event files by the published format, with a bitwise checksum of its own.</summary>
static class EventReader
{
    public sealed record Event(double WallTime, long Step, string? Version, bool IsStart, IReadOnlyDictionary<string, float> Scalars);

    public static List<Event> Read(byte[] file)
    {
        var events = new List<Event>();
        for (var at = 0; at < file.Length;)
        {
            var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(file.AsSpan(at));
            Assert.AreEqual(Masked(file.AsSpan(at, 8)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 8)), "checksum of a length");
            Assert.AreEqual(Masked(file.AsSpan(at + 12, length)), BinaryPrimitives.ReadUInt32LittleEndian(file.AsSpan(at + 12 + length)), "checksum of a record");
            events.Add(Parse(file.AsSpan(at + 12, length)));
            at += 16 + length;
        }

        return events;
    }

    /// <summary>The steps of each tag as TensorBoard shows a folder: files by name, and a start takes away what was there from its step on.</summary>
    public static Dictionary<string, long[]> Points(string folder)
    {
        var points = new List<(string Tag, long Step)>();
        foreach (var e in Directory.GetFiles(folder).Order(StringComparer.Ordinal).SelectMany(f => Read(File.ReadAllBytes(f))))
        {
            if (e.IsStart)
                points.RemoveAll(p => p.Step >= e.Step);
            points.AddRange(e.Scalars.Keys.Select(tag => (tag, e.Step)));
        }

        return points.GroupBy(p => p.Tag).ToDictionary(g => g.Key, g => g.Select(p => p.Step).ToArray());
    }

    static Event Parse(ReadOnlySpan<byte> message)
    {
        double wall = 0;
        long step = 0;
        string? version = null;
        var start = false;
        var scalars = new Dictionary<string, float>();
        while (message.Length > 0)
        {
            var key = Varint(ref message);
            switch (key)
            {
                case (1 << 3) | 1:
                    wall = BinaryPrimitives.ReadDoubleLittleEndian(message);
                    message = message[8..];
                    break;
                case 2 << 3:
                    step = (long)Varint(ref message);
                    break;
                case (3 << 3) | 2:
                    version = Encoding.UTF8.GetString(Bytes(ref message));
                    break;
                case (5 << 3) | 2:
                    Summary(Bytes(ref message), scalars);
                    break;
                case (7 << 3) | 2:
                    start = Bytes(ref message).SequenceEqual(new byte[] { 8, 1 });
                    break;
                default:
                    Assert.Fail($"field {key >> 3}");
                    break;
            }
        }

        return new(wall, step, version, start, scalars);
    }

    static void Summary(ReadOnlySpan<byte> summary, Dictionary<string, float> scalars)
    {
        while (summary.Length > 0)
        {
            Assert.AreEqual(10UL, Varint(ref summary));
            var value = Bytes(ref summary);
            Assert.AreEqual(10UL, Varint(ref value));
            var tag = Encoding.UTF8.GetString(Bytes(ref value));
            Assert.AreEqual(21UL, Varint(ref value));
            scalars.Add(tag, BinaryPrimitives.ReadSingleLittleEndian(value));
            Assert.AreEqual(4, value.Length);
        }
    }

    static ReadOnlySpan<byte> Bytes(ref ReadOnlySpan<byte> message)
    {
        var length = (int)Varint(ref message);
        var bytes = message[..length];
        message = message[length..];
        return bytes;
    }

    static ulong Varint(ref ReadOnlySpan<byte> message)
    {
        ulong value = 0;
        for (var shift = 0; ; shift += 7)
        {
            var next = message[0];
            message = message[1..];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80)
                return value;
        }
    }

    static uint Masked(ReadOnlySpan<byte> bytes)
    {
        var crc = uint.MaxValue;
        foreach (var b in bytes)
        {
            crc ^= b;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0x82F63B78u & (0 - (crc & 1)));
        }

        crc = ~crc;
        return ((crc >> 15) | (crc << 17)) + 0xA282EAD8u;
    }
}
