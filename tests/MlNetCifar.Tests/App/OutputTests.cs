using System.Diagnostics;
using MlNetCifar.App.Cli;
using MlNetCifar.Tests.Files;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.App;

/// <summary>Where the program is told to write.</summary>
[TestClass]
public sealed class OutputTests
{
    static string ShippedModel => Repository.File("models", "cifar10-airbench94.safetensors");

    [TestMethod]
    public void Export_ToADevice_LeavesTheDevice()
    {
        using var folder = new Pictures();
        var device = Nodes.Null(folder["null"]);
        Cli.Run("export", "--model", ShippedModel, "--out", device).Good();
        StringAssert.StartsWith(Nodes.Describe(device), "character special file 1:3");
    }

    [TestMethod]
    public void ImageDecode_ToADevice_LeavesTheDevice()
    {
        using var folder = new Pictures();
        var device = Nodes.Null(folder["null"]);
        Cli.Run("image", "decode", Picture(folder), "--out", device).Good();
        StringAssert.StartsWith(Nodes.Describe(device), "character special file 1:3");
    }

    [TestMethod]
    public void ImageDecode_ToASocket_IsRefusedByName()
    {
        using var folder = new Pictures();
        using var socket = Nodes.Socket(folder["socket"]);
        var run = Cli.Run("image", "decode", Picture(folder), "--out", folder["socket"]).Bad(ExitCodes.Failure, "MNC9008");
        StringAssert.Contains(run.Error, $"'{folder["socket"]}' is a socket");
        StringAssert.StartsWith(Nodes.Describe(folder["socket"]), "socket");
    }

    [TestMethod]
    public void ImageDecode_ToStandardOutput_GivesTheSameBytes()
    {
        using var folder = new Pictures();
        var picture = Picture(folder);
        Cli.Run("image", "decode", picture, "--out", folder["x.ppm"]).Good();
        using var process = Process.Start(new ProcessStartInfo("dotnet",
            [Path.Combine(AppContext.BaseDirectory, typeof(CommandLine).Assembly.GetName().Name + ".dll"), "image", "decode", picture, "--out", "/dev/stdout"])
        { RedirectStandardOutput = true, RedirectStandardError = true })!;
        using var output = new MemoryStream();
        process.StandardOutput.BaseStream.CopyTo(output);
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, process.StandardError.ReadToEnd());
        CollectionAssert.AreEqual(File.ReadAllBytes(folder["x.ppm"]), output.ToArray());
    }

    [TestMethod]
    public void ImageDecode_ToRedirectedOutput_KeepsWhatElseIsWrittenThere()
    {
        using var folder = new Pictures();
        var picture = Picture(folder);
        Cli.Run("image", "decode", picture, "--out", folder["x.ppm"]).Good();
        var program = Path.Combine(AppContext.BaseDirectory, typeof(CommandLine).Assembly.GetName().Name + ".dll");
        Assert.AreEqual(0, Nodes.Shell("sh", "-c", $"(printf before; dotnet '{program}' image decode '{picture}' --out /dev/stdout; printf after) > '{folder["all"]}'"));
        CollectionAssert.AreEqual((byte[])[.. "before"u8, .. File.ReadAllBytes(folder["x.ppm"]), .. "after"u8], File.ReadAllBytes(folder["all"]));
    }

    static string Picture(Pictures folder) => Path.Combine(folder.Classes("data", 1), "red", "000.png");
}
