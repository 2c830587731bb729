using System.Diagnostics;
using System.Runtime.Intrinsics.X86;
using System.Text.Json;

namespace MlNetCifar.Tests.App;

/// <summary>Machines whose vectors have 128 bits and no fused multiply-add, which any x64 processor can be made to be.</summary>
[TestClass]
public sealed class SlowMachineTests
{
    /// <summary>Products and sums are rounded one by one there: the weights have bits of their own, which are as fixed as all others.</summary>
    const string Weights = "1fad92fd519620c56ddfafa7db315757ade5db9beb3d4ca02a68e6b65474dae0";

    [TestMethod]
    public void Train_WithoutFusedMultiplyAdd_SaysSo_AndHasItsOwnBits()
    {
        if (!Sse41.IsSupported)
            Assert.Inconclusive("There is no such class of machines here.");
        using var folder = new Pictures();
        string[] arguments =
        [
            Path.Combine(AppContext.BaseDirectory, "MlNetCifar.App.dll"), "train", "--data", folder.Splits(), "--output", folder.Runs, "--preset", "cats-dogs-cnn", "--size", "16",
            "--epochs", "2", "--batch-size", "8", "--json",
        ];
        var start = new ProcessStartInfo("dotnet", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        (start.Environment["DOTNET_EnableAVX512"], start.Environment["DOTNET_EnableAVX2"]) = ("0", "0");
        start.Environment.Remove("MLNETCIFAR_SIMD");
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, error.Result);
        StringAssert.Matches(
            error.Result, new("warning: this machine is slow: vectors of 128 bits, no fused multiply-add; about [0-9,]+ images/s, an epoch about [0-9.]+ (s|min|h), 2 epochs about "));
        var result = JsonDocument.Parse(output.Split('\n', StringSplitOptions.RemoveEmptyEntries)[^1]).RootElement;
        Assert.AreEqual(Weights, result.GetProperty("lastWeightsSha256").GetString());
    }
}
