using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>Everything that a worker has to know of a run besides its weights.</summary>
/// <param name="Network">What is trained.</param>
/// <param name="Options">How.</param>
/// <param name="Normalization">The scaling of pixels.</param>
/// <param name="Data">What the training images must be, as <see cref="DataCheck"/> tells.</param>
/// <param name="Teacher">What the teacher must be; null for none.</param>
/// <param name="Threads">Threads of a worker.</param>
/// <param name="Arguments">How the data are opened: names and texts of the run's options.</param>
internal sealed record Welcome(
    NetworkSpec Network, TrainingOptions Options, Normalization Normalization, string Data, string? Teacher, int Threads, IReadOnlyDictionary<string, string> Arguments)
{
    /// <summary>What goes wrong with this worker in a rehearsal; null where nothing is rehearsed.</summary>
    public WorkerChaos? Chaos { get; init; }

    /// <summary>That the run knows the secret; null where there is none.</summary>
    public string? Proof { get; init; }

    /// <summary>Ports that the worker may listen on for others; null where workers talk to the run alone.</summary>
    public PortRange? PeerPorts { get; init; }

    /// <summary>Longest list of the workers of a generation.</summary>
    public const int MostLinks = 1 << 18;

    /// <summary>Longest message: a mean image of large pictures takes most of it.</summary>
    public const int MostBytes = 64 << 20;

    /// <summary>Named in errors about what was sent.</summary>
    const string Origin = "the run's message";

    /// <summary>What a description is known by.</summary>
    public static string HashOf(NetworkSpec network) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(ResumeRules.Describe(network))));

    public byte[] ToJson() => JsonText.Bytes(json =>
    {
        json.WriteString("network", ResumeRules.Describe(Network));
        json.WriteString("network_sha256", HashOf(Network));
        json.WriteString("options", Options.ToJson());
        Write(json, "mean", Normalization.Mean);
        Write(json, "std", Normalization.Std);
        json.WriteString("mean_image", Normalization.MeanImageText);
        json.WriteString("data", Data);
        json.WriteString("teacher", Teacher);
        json.WriteNumber("threads", Threads);
        json.WriteStartObject("arguments");
        foreach (var (name, value) in Arguments)
            json.WriteString(name, value);
        json.WriteEndObject();
        json.WriteString("proof", Proof);
        if (PeerPorts is { } ports)
        {
            json.WriteNumber("first_port", ports.First);
            json.WriteNumber("last_port", ports.Last);
        }

        Chaos?.Write(json);
    });

    /// <summary>Reads what a run sent, and checks that its network is understood as it was meant.</summary>
    /// <exception cref="InvalidDataException">This is something else.</exception>
    /// <exception cref="MlNetCifarException">The network is read as another (MNC3308), or holds what this program does not know.</exception>
    public static Welcome Read(byte[] bytes) => MessageJson.Read(bytes, json =>
    {
        using var description = JsonDocument.Parse(MessageJson.Text(json, "network"));
        var network = NetworkJson.Read(description.RootElement, new FileOrigin(Origin, null));
        if (HashOf(network) is var found && MessageJson.Text(json, "network_sha256") is var expected && found != expected)
            throw DistributedErrors.OtherNetwork(found[..12], expected[..Math.Min(12, expected.Length)]);
        return new Welcome(
            network, TrainingOptions.FromJson(MessageJson.Text(json, "options"), new FileOrigin(Origin, null)),
            Normalization.Restore(Floats(json, "mean"), Floats(json, "std"), json.GetProperty("mean_image").GetString()), MessageJson.Text(json, "data"),
            json.GetProperty("teacher").GetString(), json.GetProperty("threads").GetInt32(),
            json.GetProperty("arguments").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!))
        {
            Proof = json.GetProperty("proof").GetString(),
            PeerPorts = json.TryGetProperty("first_port", out var port) ? PortRange.Of(port.GetInt32(), json.GetProperty("last_port").GetInt32()) : null,
            Chaos = WorkerChaos.Read(json),
        };
    });

    static void Write(Utf8JsonWriter json, string name, IReadOnlyList<float> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values)
            json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    static float[] Floats(JsonElement json, string name) => [.. json.GetProperty(name).EnumerateArray().Select(value => value.GetSingle())];
}

/// <summary>What tells the training images of one process from another's: counts, classes, every label, and the pixels of a few pictures, for a look at all takes a pass over the data.</summary>
internal static class DataCheck
{
    const int Pictures = 64;

    /// <summary>In words that differ where the images do.</summary>
    public static string Of(ImageSource train)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> number = stackalloc byte[sizeof(ulong)];
        foreach (var name in train.Classes)
            Append(hash, number, SourceHash.Of(Encoding.UTF8.GetBytes(name)));
        for (var i = 0; i < train.Count; i++)
            Append(hash, number, (ulong)train.Label(i));
        var buffer = new byte[train.ImageLength];
        for (var i = 0; i < Math.Min(Pictures, train.Count); i++)
            Append(hash, number, train.PixelHash((int)((long)i * train.Count / Math.Min(Pictures, train.Count)), buffer));
        return FormattableString.Invariant(
            $"{train.Count:N0} of {train.Width}×{train.Height}×{train.Channels} in {train.Classes.Count} classes, {Convert.ToHexStringLower(hash.GetHashAndReset())[..16]}");
    }

    static void Append(IncrementalHash hash, Span<byte> number, ulong value)
    {
        System.Buffers.Binary.BinaryPrimitives.WriteUInt64LittleEndian(number, value);
        hash.AppendData(number);
    }
}
