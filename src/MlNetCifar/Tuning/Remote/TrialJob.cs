using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Distributed;
using MlNetCifar.Experiments;
using MlNetCifar.Files;
using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar.Tuning;

/// <summary>Everything that a worker elsewhere has to know of a trial.</summary>
/// <param name="Network">What is trained.</param>
/// <param name="Options">How, with the threads it has there.</param>
/// <param name="Data">What the images must be, as <see cref="Describe"/> tells.</param>
/// <param name="Arguments">How the data are opened: names and texts of options.</param>
internal sealed record TrialJob(NetworkSpec Network, TrainingOptions Options, string Data, IReadOnlyDictionary<string, string> Arguments)
{
    const string Origin = "the sweep's message";

    /// <summary>What tells the images of one process from another's.</summary>
    public static string Describe(ImageDataset dataset) => $"{DataCheck.Of(dataset.Train)} and {(dataset.Validation is { } validation ? DataCheck.Of(validation) : "no validation images")}";

    public byte[] ToJson() => JsonText.Bytes(json =>
    {
        json.WriteString("network", ResumeRules.Describe(Network));
        json.WriteString("network_sha256", Welcome.HashOf(Network));
        json.WriteString("options", Options.ToJson());
        json.WriteNumber("threads", Options.Threads ?? 1);
        json.WriteString("data", Data);
        json.WriteStartObject("arguments");
        foreach (var (name, value) in Arguments)
            json.WriteString(name, value);
        json.WriteEndObject();
    });

    /// <summary>Reads what a sweep sent, and checks that its network is understood as it was meant.</summary>
    /// <exception cref="InvalidDataException">This is something else.</exception>
    /// <exception cref="MlNetCifarException">The network is read as another (MNC3308), or holds what this program does not know.</exception>
    public static TrialJob Read(byte[] bytes) => MessageJson.Read(bytes, json =>
    {
        using var description = JsonDocument.Parse(MessageJson.Text(json, "network"));
        var network = NetworkJson.Read(description.RootElement, new FileOrigin(Origin, null));
        if (Welcome.HashOf(network) is var found && MessageJson.Text(json, "network_sha256") is var expected && found != expected)
            throw DistributedErrors.OtherNetwork(found[..12], expected[..Math.Min(12, expected.Length)]);
        return new TrialJob(
            network, TrainingOptions.FromJson(MessageJson.Text(json, "options"), new FileOrigin(Origin, null)) with { Threads = json.GetProperty("threads").GetInt32() },
            MessageJson.Text(json, "data"), json.GetProperty("arguments").EnumerateObject().ToDictionary(p => p.Name, p => p.Value.GetString()!));
    });
}
