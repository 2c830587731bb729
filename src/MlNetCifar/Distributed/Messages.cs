using System.Buffers.Binary;
using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>Slices that a worker is to compute; what they begin with follows where it does not have it.</summary>
/// <param name="Ticket">Number of the batch; the answers bear it.</param>
/// <param name="Place">Where its update stands.</param>
/// <param name="Epoch">From 0.</param>
/// <param name="Index">The batch in it.</param>
/// <param name="Part">Which slices.</param>
/// <param name="HasWeights">Whether weights follow.</param>
internal readonly record struct WorkHead(long Ticket, StepPlace Place, int Epoch, int Index, SlicePart Part, bool HasWeights)
{
    public const int Length = 56;

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to, Ticket);
        BinaryPrimitives.WriteInt64LittleEndian(to[8..], Place.Step);
        foreach (var (i, value) in (ReadOnlySpan<(int, int)>)[(16, Epoch), (20, Index), (24, Part.First), (28, Part.End), (32, Part.Of), (36, HasWeights ? 1 : 0)])
            BinaryPrimitives.WriteInt32LittleEndian(to[i..], value);
        BinaryPrimitives.WriteDoubleLittleEndian(to[40..], Place.From);
        BinaryPrimitives.WriteDoubleLittleEndian(to[48..], Place.To);
    }

    /// <exception cref="InvalidDataException">A number is out of range.</exception>
    public static WorkHead Read(ReadOnlySpan<byte> from)
    {
        var place = new StepPlace(BinaryPrimitives.ReadInt64LittleEndian(from[8..]), BinaryPrimitives.ReadDoubleLittleEndian(from[40..]), BinaryPrimitives.ReadDoubleLittleEndian(from[48..]));
        var part = new SlicePart(Int(from, 24), Int(from, 28), Int(from, 32));
        var head = new WorkHead(
            BinaryPrimitives.ReadInt64LittleEndian(from), place, Int(from, 16), Int(from, 20), part, Int(from, 36) == 1);
        return head is { Ticket: >= 0, Place: { Step: >= 0, From: >= 0 and <= 1, To: >= 0 and <= 1 }, Epoch: >= 0, Index: >= 0, Part: { First: >= 0, Of: >= 1 } } && part.First <= part.End && part.End <= part.Of && Int(from, 36) is 0 or 1
            ? head
            : throw new InvalidDataException("a frame of work holds numbers that are out of range");
    }

    static int Int(ReadOnlySpan<byte> from, int at) => BinaryPrimitives.ReadInt32LittleEndian(from[at..]);
}

/// <summary>The sum of some slices; a part of its floats follows.</summary>
/// <param name="Ticket">That of the work.</param>
/// <param name="First">The first slice.</param>
/// <param name="Count">Slices.</param>
/// <param name="Correct">As at the sum.</param>
/// <param name="Loss">As at the sum.</param>
/// <param name="Weight">As at the sum.</param>
/// <param name="Waited">Seconds that the worker has waited for work so far.</param>
/// <param name="Part">Which of its <see cref="SumParts"/>; 0 where all of it follows.</param>
/// <param name="Ahead">Bytes of sums that the worker has sent so far while it computed still.</param>
internal readonly record struct PartHead(long Ticket, int First, int Count, int Correct, double Loss, double Weight, double Waited, int Part = 0, long Ahead = 0)
{
    public const int Length = 56;

    public void Write(Span<byte> to)
    {
        BinaryPrimitives.WriteInt64LittleEndian(to, Ticket);
        BinaryPrimitives.WriteInt32LittleEndian(to[8..], First);
        BinaryPrimitives.WriteInt32LittleEndian(to[12..], Count);
        BinaryPrimitives.WriteInt32LittleEndian(to[16..], Correct);
        BinaryPrimitives.WriteInt32LittleEndian(to[20..], Part);
        BinaryPrimitives.WriteDoubleLittleEndian(to[24..], Loss);
        BinaryPrimitives.WriteDoubleLittleEndian(to[32..], Weight);
        BinaryPrimitives.WriteDoubleLittleEndian(to[40..], Waited);
        BinaryPrimitives.WriteInt64LittleEndian(to[48..], Ahead);
    }

    public static PartHead Read(ReadOnlySpan<byte> from) => new(
        BinaryPrimitives.ReadInt64LittleEndian(from), BinaryPrimitives.ReadInt32LittleEndian(from[8..]), BinaryPrimitives.ReadInt32LittleEndian(from[12..]),
        BinaryPrimitives.ReadInt32LittleEndian(from[16..]), BinaryPrimitives.ReadDoubleLittleEndian(from[24..]), BinaryPrimitives.ReadDoubleLittleEndian(from[32..]),
        BinaryPrimitives.ReadDoubleLittleEndian(from[40..]), BinaryPrimitives.ReadInt32LittleEndian(from[20..]), BinaryPrimitives.ReadInt64LittleEndian(from[48..]));
}

/// <summary>How a worker introduces itself.</summary>
/// <param name="Token">That it was given.</param>
/// <param name="Version">Of its program.</param>
/// <param name="Arithmetic">How it computes.</param>
/// <param name="Process">Number of its process.</param>
internal sealed record Hello(string Token, string Version, string Arithmetic, int Process)
{
    /// <summary>That it knows the secret; null where it knows none.</summary>
    public string? Proof { get; init; }

    /// <summary>How this process computes: other widths and roundings give other last bits.</summary>
    public static string OwnArithmetic => FormattableString.Invariant($"{(int)SimdLevel.Active} bits{(SimdLevel.IsFused ? "" : " without fused multiply-add")}");

    /// <summary>What this process says.</summary>
    public static Hello Own(string token) => new(token, FileOrigin.Current, OwnArithmetic, Environment.ProcessId);

    /// <summary>Why this process cannot work with the one that says this; null where it can.</summary>
    public MlNetCifarException? Fault => Version != FileOrigin.Current ? DistributedErrors.OtherVersion(Version, FileOrigin.Current)
        : Arithmetic != OwnArithmetic ? DistributedErrors.OtherArithmetic(Arithmetic, OwnArithmetic) : null;

    public byte[] ToJson() => JsonText.Bytes(json =>
    {
        json.WriteString("token", Token);
        json.WriteString("version", Version);
        json.WriteString("arithmetic", Arithmetic);
        json.WriteNumber("process", Process);
        json.WriteString("proof", Proof);
    });

    /// <exception cref="InvalidDataException">This is something else.</exception>
    public static Hello Read(byte[] bytes) => MessageJson.Read(bytes, json => new Hello(
        MessageJson.Text(json, "token"), MessageJson.Text(json, "version"), MessageJson.Text(json, "arithmetic"), json.GetProperty("process").GetInt32())
    {
        Proof = json.GetProperty("proof").GetString(),
    });
}

/// <summary>An error that is told to the other side.</summary>
internal sealed record Refusal(string Code, ErrorKind Kind, string Reason, string? Action)
{
    public static Refusal Of(Exception e) =>
        e is MlNetCifarException known ? new(known.Code, known.Kind, known.Path is { } path ? $"{path}: {known.Reason}" : known.Reason, known.Action) : new("", ErrorKind.Failure, $"{e.GetType().Name}: {e.Message}", null);

    /// <summary>The error as it was.</summary>
    public Exception ToException() => Code.Length > 0 ? new MlNetCifarException(Code, Kind, Reason, Action) : new InvalidOperationException(Reason);

    public byte[] ToJson() => JsonText.Bytes(json =>
    {
        json.WriteString("code", Code);
        json.WriteNumber("kind", (int)Kind);
        json.WriteString("reason", Reason);
        json.WriteString("action", Action);
    });

    /// <exception cref="InvalidDataException">This is something else.</exception>
    public static Refusal Read(byte[] bytes) => MessageJson.Read(bytes, json => new Refusal(
        MessageJson.Text(json, "code"), (ErrorKind)json.GetProperty("kind").GetInt32(), MessageJson.Text(json, "reason"), json.GetProperty("action").GetString()));
}

/// <summary>Reading of messages in JSON.</summary>
internal static class MessageJson
{
    public static T Read<T>(byte[] bytes, Func<JsonElement, T> read)
    {
        try
        {
            using var document = JsonDocument.Parse(bytes);
            return read(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException or OverflowException)
        {
            throw new InvalidDataException($"a message is not as it should be ({e.Message.TrimEnd('.')})", e);
        }
    }

    public static string Text(JsonElement json, string name) => json.GetProperty(name).GetString() ?? throw new JsonException($"'{name}' is null.");
}
