using System.Diagnostics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Notebooks;

/// <summary>Jupyter with the kernel of .NET Interactive, which sees the packages of this repository in a home of its own. Tests without it are inconclusive.</summary>
sealed class Jupyter : IDisposable
{
    const string Kernel = "Microsoft.dotnet-interactive";
    const string KernelVersion = "1.0.712001";

    static readonly string[] s_packages = ["MlNetCifar", "MlNetCifar.Client", "MlNetCifar.Interactive", "MlNetCifar.MLNet", "MlNetCifar.Parquet", "MlNetCifar.Pretrained", "MlNetCifar.Server", "MlNetCifar.Spark", "MlNetCifar.Spark.Executor"];

    readonly TestFolder _folder = new();
    readonly Lazy<string?> _missing;

    public Jupyter() => _missing = new(Prepare);

    public void Dispose() => _folder.Dispose();

    /// <summary>Executes a notebook where it lies; an error of a cell is one of the test.</summary>
    /// <returns>The page that Jupyter makes of it, with what its cells have put out.</returns>
    public string Execute(string name, IReadOnlyDictionary<string, string> variables)
    {
        if (_missing.Value is { } missing)
            Assert.Inconclusive(missing);
        var (code, output) = Run("jupyter", ["nbconvert", "--to", "html", "--execute", "--ExecutePreprocessor.timeout=300", "--output-dir", _folder["pages"], Repository.File("notebooks", name + ".ipynb")], variables);
        Assert.AreEqual(0, code, output);
        return File.ReadAllText(_folder[$"pages/{name}.html"]);
    }

    /// <returns>What is missing; null where all is there.</returns>
    string? Prepare()
    {
        if (Run("jupyter", ["nbconvert", "--version"], null).ExitCode != 0)
            return "There is no Jupyter: apt-get install -y --no-install-recommends jupyter-client jupyter-nbconvert python3-nbclient";
        var (code, output) = Dotnet.TryRun(_folder.Root, "tool", "install", Kernel, "--version", KernelVersion, "--tool-path", _folder["tools"]);
        if (code != 0)
            return $"The kernel {Kernel} {KernelVersion} cannot be installed: {output}";
        Dotnet.Pack(_folder["feed"], s_packages.Select(package => $"src/{package}"));
        Dotnet.UseFeed(_folder, _folder["feed"], Dotnet.Packages);

        // In a home of its own, the user's settings of NuGet are ours.
        _folder.Write("home/.nuget/NuGet/NuGet.Config", File.ReadAllText(_folder["nuget.config"]));
        Directory.CreateDirectory(_folder["jupyter/kernels"]);
        var (installed, said) = Run(Path.Combine(_folder["tools"], "dotnet-interactive"), ["jupyter", "install", "--path", _folder["jupyter/kernels"]], null);
        if (installed != 0)
            return $"The kernel cannot be installed: {said}";

        // Otherwise it listens on all interfaces.
        var description = _folder["jupyter/kernels/.net-csharp/kernel.json"];
        File.WriteAllText(description, LocalOnly(File.ReadAllText(description)));
        return null;
    }

    /// <summary>The kernel's description with the option that keeps it on this machine, and the tool's own path.</summary>
    string LocalOnly(string description)
    {
        var kernel = System.Text.Json.Nodes.JsonNode.Parse(description)!;
        kernel["argv"] = new System.Text.Json.Nodes.JsonArray(Path.Combine(_folder["tools"], "dotnet-interactive"), "jupyter", "--default-kernel", "csharp", "--http-local-only", "{connection_file}");
        return kernel.ToJsonString();
    }

    (int ExitCode, string Output) Run(string program, string[] arguments, IReadOnlyDictionary<string, string>? variables)
    {
        var start = new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = _folder.Root };
        foreach (var (name, value) in variables ?? new Dictionary<string, string>())
            start.Environment[name] = value;
        start.Environment["HOME"] = _folder["home"];
        start.Environment["JUPYTER_PATH"] = _folder["jupyter"];
        start.Environment["DOTNET_INTERACTIVE_CLI_TELEMETRY_OPTOUT"] = start.Environment["DOTNET_CLI_TELEMETRY_OPTOUT"] = "1";
        start.Environment.Remove("NUGET_PACKAGES");
        try
        {
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + error.Result);
        }
        catch (System.ComponentModel.Win32Exception e)
        {
            return (-1, e.Message);
        }
    }
}
