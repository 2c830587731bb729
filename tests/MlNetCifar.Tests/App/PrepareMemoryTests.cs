using System.Diagnostics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.App;

/// <summary>
/// The most memory that prepare takes with two threads, as Linux counts it (VmHWM), on the archives of the folder data below the one that the variable
/// MLNETCIFAR_SHARED names: it must not grow with the number of images.
/// </summary>
[TestClass]
public sealed class PrepareMemoryTests
{
    const int LimitMegabytes = 300;

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("cats-dogs-sample.tar.gz", "64", 2_002, "")]
    [DataRow("cats-dogs-sample.tar.gz", "256", 2_002, "--float32")]
    [DataRow("cifar10-jpeg.tar.gz", "32", 60_000, "")]
    [DataRow("cifar10-jpeg.tar.gz", "96", 60_000, "")]
    [DataRow("cifar10-jpeg.tar.gz", "64", 60_000, "--parts 1")]
    public async Task Prepare_StaysUnderTheLimit(string archive, string size, int images, string option)
    {
        var data = Path.Combine(Environment.GetEnvironmentVariable("MLNETCIFAR_SHARED") ?? "", "data", archive);
        if (!File.Exists(data)) Assert.Inconclusive($"MLNETCIFAR_SHARED names no folder with data/{archive}.");
        PeakMemory.Require();
        using var folder = new Pictures();
        string[] arguments = [Path.Combine(AppContext.BaseDirectory, "MlNetCifar.App.dll"), "prepare", "--data", data, "--size", size, "--to", folder["shards"], "--master", "local[2]", "--json"];
        using var process = Process.Start(new ProcessStartInfo("dotnet", option.Length == 0 ? arguments : [.. arguments, .. option.Split(' ')]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var peak = 0L;
        while (!process.HasExited)
        {
            peak = Math.Max(peak, PeakMemory.Kilobytes(process.Id));
            await Task.Delay(5);
        }
        Assert.AreEqual(0, process.ExitCode);
        var counts = System.Text.Json.JsonDocument.Parse(await output).RootElement.GetProperty("images").EnumerateObject().Sum(p => p.Value.GetInt32());
        Assert.AreEqual(images, counts);
        Console.WriteLine($"{archive} at {size} {option}: {peak / 1024} MB at most");
        Assert.IsGreaterThan(20 * 1024, peak);
        Assert.IsLessThan(LimitMegabytes * 1024, peak);
    }
}
