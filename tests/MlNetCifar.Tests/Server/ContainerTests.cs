using System.Diagnostics;
using System.Globalization;
using System.Text.RegularExpressions;
using MlNetCifar.App.Cli;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;

namespace MlNetCifar.Tests.Server;

/// <summary>
/// The root file system that the Dockerfile describes, made by its own publish command upon a copy of this machine's .NET runtime, and the server in it as a container would run
/// it: chrooted, read-only, as an unprivileged user, probed by the image's health check. Not tested so: the base image, and Docker itself.
/// </summary>
[TestClass]
public sealed partial class ContainerTests
{
    const string User = "1654";
    const long MostBesideTheBase = 120 << 20;

    static readonly string s_dockerfile = File.ReadAllText(Repository.File("deploy", "docker", "Dockerfile"));

    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    public async Task Root_OfTheDockerfile_ServesReadOnlyAndUnprivileged()
    {
        if (!OperatingSystem.IsLinux() || Environment.UserName != "root" || !File.Exists("/usr/bin/unshare"))
            Assert.Inconclusive("this test changes its root, which takes Linux, its root user and unshare");
        using var folder = new TestFolder();
        var root = folder["root"];
        Publish(folder, Path.Combine(root, "app"));
        var size = Files(root).Sum(file => new FileInfo(file).Length);
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"beside the base: {size / 1048576.0:0.0} MiB"));
        Assert.IsLessThan(MostBesideTheBase, size);
        CopyRuntime(root);
        foreach (var name in new[] { "models", "proc", "dev", "tmp" })
            Directory.CreateDirectory(Path.Combine(root, name));
        File.Copy(Repository.File("models", "cifar10-airbench94.safetensors"), Path.Combine(root, "models", "cifar10.safetensors"));
        var before = Files(root);
        using var server = Enter(root, Words("ENTRYPOINT").Concat(Words("CMD")));
        var address = server.Until("http://").Log.Split('\n').First(line => line.StartsWith("http://", StringComparison.Ordinal)).Trim();
        using (var client = new HttpClient { BaseAddress = new Uri(address) })
        {
            using var answer = await client.PostAsync("/predict", RunningServer.Body(RunningServer.Png()));
            StringAssert.Contains(await answer.Content.ReadAsStringAsync(), "\"name\":\"cifar10\"");
            StringAssert.Contains(await client.GetStringAsync("/metrics"), "mlnetcifar_predictions_total");
        }

        StringAssert.Contains(File.ReadAllText($"/proc/{server.Id}/status"), $"Uid:\t{User}\t{User}\t");
        using (var health = Enter(root, Words("HEALTHCHECK").Select(word => word.Replace("http://127.0.0.1:8080", address, StringComparison.Ordinal))))
            Assert.AreEqual(ExitCodes.Ok, health.Exit(), health.Log);
        server.Signal("TERM");
        Assert.AreEqual(ExitCodes.Terminated, server.Exit(), server.Log);
        CollectionAssert.AreEqual(before, Files(root));
    }

    // With build outputs of its own: those of the repository are in use.
    static void Publish(TestFolder folder, string output)
    {
        var command = PublishCommand().Match(s_dockerfile).Groups[1].Value.Replace("-o /app", $"-o {output}", StringComparison.Ordinal);
        var start = new ProcessStartInfo("dotnet", [.. command.Split(' '), "--artifacts-path", folder["artifacts"], "-p:RunAnalyzers=false"])
        {
            WorkingDirectory = Repository.File(),
            RedirectStandardOutput = true,
        };
        using var process = Process.Start(start)!;
        var log = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, log);
    }

    /// <summary>What the base image has: the two frameworks, and the libraries of the system that they ask for.</summary>
    static void CopyRuntime(string root)
    {
        var shared = Path.GetDirectoryName(Path.GetDirectoryName(Path.GetDirectoryName(typeof(object).Assembly.Location)))!;
        var dotnet = Path.GetDirectoryName(shared)!;
        var copied = new List<string> { Path.Combine(dotnet, "dotnet") };
        copied.AddRange(Files(Path.Combine(dotnet, "host")));
        foreach (var framework in new[] { "Microsoft.NETCore.App", "Microsoft.AspNetCore.App" })
            copied.AddRange(Files(Path.Combine(shared, framework, Path.GetFileName(Path.GetDirectoryName(typeof(object).Assembly.Location)!))));
        foreach (var file in copied)
            Copy(file, Path.Combine(root, "usr", "share", "dotnet", Path.GetRelativePath(dotnet, file)));
        foreach (var library in copied.Where(file => file.EndsWith(".so", StringComparison.Ordinal) || Path.GetFileName(file) == "dotnet").SelectMany(Libraries).Concat(OpenSsl()).Distinct())
            Copy(library, root + library);
    }

    /// <summary>The runtime opens it by name when it is first needed, as this process does here.</summary>
    static IEnumerable<string> OpenSsl()
    {
        System.Security.Cryptography.SHA256.HashData([]);
        return OpenSslLibrary().Matches(File.ReadAllText("/proc/self/maps")).Select(match => match.Value);
    }

    static IEnumerable<string> Libraries(string file)
    {
        using var process = Process.Start(new ProcessStartInfo("ldd", [file]) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return SystemLibrary().Matches(output).Select(match => match.Value);
    }

    static void Copy(string from, string to)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(to)!);
        File.Copy(from, to, overwrite: true);
    }

    static ProgramProcess Enter(string root, IEnumerable<string> words)
    {
        const string script = """
            mount --bind "$0" "$0" && mount -o remount,ro,bind "$0" && mount -t proc proc "$0/proc" && mount -t tmpfs -o mode=755 dev "$0/dev" &&
            for node in "null 3" "zero 5" "full 7" "random 8" "urandom 9"; do mknod -m 666 "$0/dev/${node% *}" c 1 "${node#* }" || exit; done &&
            exec chroot --userspec=USER:USER "$0" "$@"
            """;
        return new ProgramProcess(
            "unshare", ["--mount", "sh", "-c", script.Replace("USER", User, StringComparison.Ordinal), root, "/usr/share/dotnet/dotnet", .. words.Skip(1).Select(word => word.EndsWith(".dll", StringComparison.Ordinal) ? $"/app/{word}" : word)],
            [("DOTNET_EnableDiagnostics", "0"), ("MLNETCIFAR_URLS", "http://127.0.0.1:0"), ("DOTNET_ROOT", "/usr/share/dotnet")]);
    }

    /// <summary>The JSON array of an instruction.</summary>
    static string[] Words(string instruction)
    {
        var line = s_dockerfile.Split('\n').Single(line => line.StartsWith(instruction + " ", StringComparison.Ordinal));
        return System.Text.Json.JsonSerializer.Deserialize<string[]>(line[line.IndexOf('[', StringComparison.Ordinal)..])!;
    }

    static string[] Files(string path) => [.. Directory.EnumerateFiles(path, "*", SearchOption.AllDirectories).Order(StringComparer.Ordinal)];

    [GeneratedRegex("RUN dotnet (publish .*)")]
    private static partial Regex PublishCommand();

    [GeneratedRegex("(?<=[ \\t])/[^ ]+(?= \\()")]
    private static partial Regex SystemLibrary();

    [GeneratedRegex(@"/\S+/lib(ssl|crypto)\.so\.\d+$", RegexOptions.Multiline)]
    private static partial Regex OpenSslLibrary();
}
