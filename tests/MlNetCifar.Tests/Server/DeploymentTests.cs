using System.Text.Json;
using System.Text.RegularExpressions;
using MlNetCifar.App.Commands;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Server;

/// <summary>What the files of deploy/ name is there: paths, the program, its options, the server's routes, its metrics.</summary>
[TestClass]
public sealed partial class DeploymentTests
{
    static string Read(params string[] parts) => File.ReadAllText(Repository.File(["deploy", .. parts]));

    [TestMethod]
    public void Dockerfile_NamesTheProgram()
    {
        var text = Read("docker", "Dockerfile");
        var program = $"{typeof(AllVerbs).Assembly.GetName().Name}.dll";
        StringAssert.Contains(text, $"ENTRYPOINT [\"dotnet\", \"{program}\", \"serve\"]");
        Assert.IsTrue(Directory.Exists(Repository.File(PublishedProject().Match(text).Groups[1].Value)));
        StringAssert.Contains(text, "USER $APP_UID");

        // Every instruction is one that Docker knows, and arrays are JSON, without which Docker takes them for shell commands.
        foreach (var line in text.Replace("\\\n", " ").Split('\n').Where(l => l.Length > 0 && l[0] != '#'))
        {
            var word = line.Split(' ')[0];
            CollectionAssert.Contains(new[] { "FROM", "WORKDIR", "COPY", "RUN", "ENV", "USER", "EXPOSE", "VOLUME", "HEALTHCHECK", "ENTRYPOINT", "CMD" }, word);
            if (line.Contains('['))
                Assert.AreEqual(JsonValueKind.Array, JsonDocument.Parse(line[line.IndexOf('[')..]).RootElement.ValueKind);
        }
    }

    [TestMethod]
    public void Options_AreThoseOfServe()
    {
        var known = AllVerbs.Create().Single(v => v.Name == "serve").Options;
        foreach (var file in new[] { Read("docker", "Dockerfile"), Read("compose.yaml"), Read("kubernetes", "deployment.yaml"), Read("kubernetes", "inferenceservice.yaml") })
        {
            foreach (Match option in Option().Matches(file))
                Assert.IsTrue(known.Any(o => o.Option == option.Groups[1].Value), option.Value);
            foreach (Match variable in Variable().Matches(file))
                Assert.IsTrue(known.Any(o => o.VariableName == variable.Value), variable.Value);
        }
    }

    [TestMethod]
    public async Task Probes_AndMetrics_AreTheServers()
    {
        await using var server = await RunningServer.Start();
        await server.Post("/predict", RunningServer.Body(RunningServer.Png()));
        foreach (var file in new[] { Read("kubernetes", "deployment.yaml"), Read("kubernetes", "inferenceservice.yaml") })
        {
            Assert.IsFalse(file.Contains('\t', StringComparison.Ordinal));
            foreach (Match probe in Probe().Matches(file))
                await server.Get(probe.Groups[1].Value);
        }

        var metrics = await server.Client.GetStringAsync("/metrics");
        var dashboard = JsonDocument.Parse(Read("prometheus", "dashboard.json")).RootElement;
        foreach (var panel in dashboard.GetProperty("panels").EnumerateArray())
        {
            foreach (var target in panel.GetProperty("targets").EnumerateArray())
            {
                foreach (Match name in Metric().Matches(target.GetProperty("expr").GetString()!))
                    StringAssert.Contains(metrics, $"# TYPE {Suffix().Replace(name.Value, "")} ");
            }
        }
    }

    [GeneratedRegex(@"dotnet publish (\S+)")]
    private static partial Regex PublishedProject();

    [GeneratedRegex("\"(--[a-z-]+)\"")]
    private static partial Regex Option();

    [GeneratedRegex("MLNETCIFAR_[A-Z_]+")]
    private static partial Regex Variable();

    [GeneratedRegex(@"path: (/[a-z0-9/]+z|/v2/\S+)$", RegexOptions.Multiline)]
    private static partial Regex Probe();

    [GeneratedRegex(@"\b(mlnetcifar|http|process)_[a-z_]+")]
    private static partial Regex Metric();

    [GeneratedRegex("_(count|sum|bucket)$")]
    private static partial Regex Suffix();
}
