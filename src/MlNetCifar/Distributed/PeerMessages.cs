using System.Buffers.Binary;
using System.Net;
using System.Text.Json;
using MlNetCifar.Files;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>Where a worker listens for others.</summary>
/// <param name="Addresses">Of its machine, the likeliest first; none where it listens nowhere.</param>
/// <param name="Port">On each of them.</param>
/// <param name="Certificate">Fingerprint of the one by which it encrypts; null where nothing is encrypted.</param>
internal sealed record PeerAddress(IReadOnlyList<IPAddress> Addresses, int Port, string? Certificate = null)
{
    /// <summary>Most addresses of one worker: a machine may have hundreds, of containers.</summary>
    public const int MostAddresses = 8;

    public byte[] ToJson() => JsonText.Bytes(Write);

    public void Write(Utf8JsonWriter json)
    {
        json.WriteNumber("port", Port);
        json.WriteString("certificate", Certificate);
        json.WriteStartArray("addresses");
        foreach (var address in Addresses)
            json.WriteStringValue(address.ToString());
        json.WriteEndArray();
    }

    /// <exception cref="InvalidDataException">This is something else.</exception>
    public static PeerAddress Read(byte[] bytes) => MessageJson.Read(bytes, Read);

    public static PeerAddress Read(JsonElement json) =>
        json.GetProperty("addresses") is var addresses && addresses.GetArrayLength() <= MostAddresses && json.GetProperty("port").GetInt32() is >= 0 and <= IPEndPoint.MaxPort and var port
            ? new([.. addresses.EnumerateArray().Select(address => IPAddress.Parse(address.GetString()!))], port, json.GetProperty("certificate").GetString())
            : throw new FormatException("Too many addresses, or a port that is none.");
}

/// <summary>The workers of a generation: those that make the steps of a run together until one of them is lost, or another comes.</summary>
/// <param name="Generation">Its number; a later one ends all earlier ones.</param>
/// <param name="Key">Known to its members alone.</param>
/// <param name="Index">Which of them this worker is.</param>
/// <param name="Patience">Longest that one waits for another.</param>
/// <param name="Members">All of them: their numbers in the run, and where they listen.</param>
internal sealed record LinkPlan(long Generation, string Key, int Index, TimeSpan Patience, IReadOnlyList<(int Worker, PeerAddress Address)> Members)
{
    public byte[] ToJson() => JsonText.Bytes(json =>
    {
        json.WriteNumber("generation", Generation);
        json.WriteString("key", Key);
        json.WriteNumber("index", Index);
        json.WriteNumber("patience", Patience.TotalSeconds);
        json.WriteStartArray("members");
        foreach (var (worker, address) in Members)
        {
            json.WriteStartObject();
            json.WriteNumber("worker", worker);
            address.Write(json);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    });

    /// <exception cref="InvalidDataException">This is something else.</exception>
    public static LinkPlan Read(byte[] bytes) => MessageJson.Read(bytes, json =>
    {
        var members = json.GetProperty("members").EnumerateArray().Select(member => (member.GetProperty("worker").GetInt32(), PeerAddress.Read(member))).ToArray();
        var (index, patience) = (json.GetProperty("index").GetInt32(), json.GetProperty("patience").GetDouble());
        return index >= 0 && index < members.Length && patience is > 0 and < int.MaxValue
            ? new LinkPlan(json.GetProperty("generation").GetInt64(), MessageJson.Text(json, "key"), index, TimeSpan.FromSeconds(patience), members)
            : throw new FormatException("A number is out of range.");
    });
}

/// <summary>What came of an attempt to connect to the others of a generation.</summary>
/// <param name="Generation">That.</param>
/// <param name="Missing">Who was not reached, and why; null where all were.</param>
internal sealed record LinkReport(long Generation, string? Missing)
{
    /// <summary>Longest text that is told.</summary>
    public const int MostText = 512;

    public byte[] ToJson() => JsonText.Bytes(json =>
    {
        json.WriteNumber("generation", Generation);
        json.WriteString("missing", Missing is { Length: > MostText } ? Missing[..MostText] : Missing);
    });

    /// <exception cref="InvalidDataException">This is something else.</exception>
    public static LinkReport Read(byte[] bytes) => MessageJson.Read(bytes, json => new LinkReport(json.GetProperty("generation").GetInt64(), json.GetProperty("missing").GetString()));
}

/// <summary>How a worker introduces itself to another.</summary>
/// <param name="Generation">In which they are to work together.</param>
/// <param name="Key">Of that generation.</param>
/// <param name="Index">Which of its members it is.</param>
/// <param name="To">Which of them it means: addresses of other machines may be those of this one's own networks, where another listens on the same port.</param>
internal sealed record PeerHello(long Generation, string Key, int Index, int To)
{
    public byte[] ToJson() => JsonText.Bytes(json =>
    {
        json.WriteNumber("generation", Generation);
        json.WriteString("key", Key);
        json.WriteNumber("index", Index);
        json.WriteNumber("to", To);
    });

    /// <exception cref="InvalidDataException">This is something else.</exception>
    public static PeerHello Read(byte[] bytes) => MessageJson.Read(bytes, json => new PeerHello(
        json.GetProperty("generation").GetInt64(), MessageJson.Text(json, "key"), json.GetProperty("index").GetInt32(), json.GetProperty("to").GetInt32()));
}

/// <summary>How much of what is trained follows a frame.</summary>
internal enum SentState
{
    /// <summary>Nothing: the worker has made the same steps.</summary>
    None,

    /// <summary>Weights and running statistics.</summary>
    Weights,

    /// <summary>And the optimizer's moments.</summary>
    All,
}

/// <summary>What is ahead of a state: in a step, behind its <see cref="WorkHead"/>.</summary>
/// <param name="Generation">In which it is made.</param>
/// <param name="State">What follows.</param>
internal readonly record struct StateHead(long Generation, SentState State)
{
    public const int Length = 16;

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to, Generation);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], (long)State);
    }

    /// <exception cref="InvalidDataException">A number is out of range.</exception>
    public static StateHead Read(ReadOnlySpan<byte> from) =>
        (BinaryPrimitives.ReadInt64LittleEndian(from), BinaryPrimitives.ReadInt64LittleEndian(from[8..])) is ( >= 0, >= (long)SentState.None and <= (long)SentState.All) and var (generation, state)
            ? new(generation, (SentState)state)
            : throw new InvalidDataException("the head of a state holds numbers that are out of range");
}

/// <summary>The sum of some slices; a part of its floats follows.</summary>
/// <param name="Generation">Of the worker that sends it.</param>
/// <param name="Ticket">Of the step.</param>
/// <param name="First">The first slice.</param>
/// <param name="Count">Slices.</param>
/// <param name="Correct">As at the sum.</param>
/// <param name="Loss">As at the sum.</param>
/// <param name="Weight">As at the sum.</param>
/// <param name="Waited">Seconds that the worker has waited for work so far.</param>
/// <param name="Part">Which of its <see cref="SumParts"/> the floats are of.</param>
/// <param name="Passed">Bytes that it has sent to other workers so far.</param>
/// <param name="Ahead">How many of them while it computed still.</param>
internal readonly record struct SumHead(long Generation, long Ticket, int First, int Count, int Correct, double Loss, double Weight, int Part, double Waited = 0, long Passed = 0, long Ahead = 0)
{
    public const int Length = 72;

    /// <summary>Whether another has come to the same figures, to the bit, as all who add the same in the same order do.</summary>
    public bool Agrees(SumHead other) =>
        Correct == other.Correct && BitConverter.DoubleToInt64Bits(Loss) == BitConverter.DoubleToInt64Bits(other.Loss) && BitConverter.DoubleToInt64Bits(Weight) == BitConverter.DoubleToInt64Bits(other.Weight);

    public void Write(Span<byte> to)
    {
        foreach (var (i, value) in (ReadOnlySpan<(int, long)>)[(0, Generation), (8, Ticket), (56, Passed), (64, Ahead)])
            BinaryPrimitives.WriteInt64LittleEndian(to[i..], value);
        foreach (var (i, value) in (ReadOnlySpan<(int, int)>)[(16, First), (20, Count), (24, Correct), (28, Part)])
            BinaryPrimitives.WriteInt32LittleEndian(to[i..], value);
        foreach (var (i, value) in (ReadOnlySpan<(int, double)>)[(32, Loss), (40, Weight), (48, Waited)])
            BinaryPrimitives.WriteDoubleLittleEndian(to[i..], value);
    }

    public static SumHead Read(ReadOnlySpan<byte> from) => new(
        BinaryPrimitives.ReadInt64LittleEndian(from), BinaryPrimitives.ReadInt64LittleEndian(from[8..]), BinaryPrimitives.ReadInt32LittleEndian(from[16..]),
        BinaryPrimitives.ReadInt32LittleEndian(from[20..]), BinaryPrimitives.ReadInt32LittleEndian(from[24..]), BinaryPrimitives.ReadDoubleLittleEndian(from[32..]),
        BinaryPrimitives.ReadDoubleLittleEndian(from[40..]), BinaryPrimitives.ReadInt32LittleEndian(from[28..]), BinaryPrimitives.ReadDoubleLittleEndian(from[48..]),
        BinaryPrimitives.ReadInt64LittleEndian(from[56..]), BinaryPrimitives.ReadInt64LittleEndian(from[64..]));
}

/// <summary>The floats of a sum that one worker of several adds up.</summary>
internal static class PeerRange
{
    /// <summary>Floats of a cache line: ranges begin with one.</summary>
    const int Unit = 16;

    /// <summary>Gradients in a range; running statistics are behind them.</summary>
    public static int Gradients((int First, int End) range, int gradients) => Math.Clamp(gradients - range.First, 0, range.End - range.First);

    /// <summary>The range of one of them.</summary>
    /// <param name="index">Which, from 0.</param>
    /// <param name="of">How many there are.</param>
    /// <param name="length">Floats of the whole.</param>
    public static (int First, int End) Of(int index, int of, int length)
    {
        var units = ((long)length + Unit - 1) / Unit;
        return (At(index), At(index + 1));

        int At(int i) => (int)Math.Min(units * i / of * Unit, length);
    }

    /// <summary>The range of one of them in a part: all have something to do with each, so that nobody's link waits for the part that is his.</summary>
    /// <param name="part">Its floats.</param>
    /// <param name="index">Which, from 0.</param>
    /// <param name="of">How many there are.</param>
    public static (int First, int End) Of((int First, int End) part, int index, int of)
    {
        var (first, end) = Of(index, of, part.End - part.First);
        return (part.First + first, part.First + end);
    }
}
