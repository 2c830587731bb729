using System.Diagnostics;
using MlNetCifar.App.Cli;
using MlNetCifar.Imaging;
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

    [TestMethod]
    [DataRow("model.pt")]
    [DataRow("model.ppm")]
    public void Export_UnderAnotherFormatsName_IsRefused(string name)
    {
        using var folder = new Pictures();
        Cli.Run("export", "--model", ShippedModel, "--out", folder[name]).Bad(ExitCodes.Usage, "MNC9018");
        Assert.IsFalse(File.Exists(folder[name]));
    }

    [TestMethod]
    [DataRow("a.jpg")]
    [DataRow("a.safetensors")]
    public void ImageDecode_UnderAnotherFormatsName_IsRefused(string name)
    {
        using var folder = new Pictures();
        Cli.Run("image", "decode", Picture(folder), "--out", folder[name]).Bad(ExitCodes.Usage, "MNC9018");
        Assert.IsFalse(File.Exists(folder[name]));
    }

    [TestMethod]
    public void ImageDecode_ToPng_WritesThosePixels()
    {
        using var folder = new Pictures();
        var picture = Picture(folder);
        Cli.Run("image", "decode", picture, "--out", folder["a.PNG"]).Good();
        var bytes = File.ReadAllBytes(folder["a.PNG"]);
        Assert.AreEqual((byte)0x89, bytes[0]);
        CollectionAssert.AreEqual(ImageDecoder.Decode(File.ReadAllBytes(picture)).Pixels.ToArray(), ImageDecoder.Decode(bytes).Pixels.ToArray());
    }

    [TestMethod]
    [DataRow("explain", "--method occlusion")]
    [DataRow("explain", "--json")]
    [DataRow("image info", "--json")]
    [DataRow("predict", "--json --threads 1")]
    public void ClosedPipe_EndsTheCommand(string verb, string options)
    {
        using var folder = new Pictures();
        var data = folder.Classes("data", 60);
        var pictures = string.Join(' ', Directory.EnumerateFiles(data, "*.png", SearchOption.AllDirectories).Order(StringComparer.Ordinal).Select(file => $"'{file}'"));
        var program = Path.Combine(AppContext.BaseDirectory, typeof(CommandLine).Assembly.GetName().Name + ".dll");
        var model = verb == "image info" ? "" : $"--model '{ShippedModel}'";
        var command = $"dotnet '{program}' {verb} {pictures} {model} {options} {(verb == "explain" ? $"--output '{folder["out"]}'" : "")}";
        var code = Nodes.Shell("bash", "-c", $"{command} 2> '{folder["log"]}' | true; exit ${{PIPESTATUS[0]}}");
        Assert.AreEqual(ExitCodes.PipeClosed, code, File.ReadAllText(folder["log"]));
        if (verb == "explain")
            Assert.IsLessThan(10, Directory.GetFiles(folder["out"], "*.png").Length);
    }

    [TestMethod]
    public void ClosedFromTheBeginning_IsNoClosedPipe()
    {
        using var folder = new Pictures();
        var program = Path.Combine(AppContext.BaseDirectory, typeof(CommandLine).Assembly.GetName().Name + ".dll");
        Assert.AreEqual(0, Nodes.Shell("bash", "-c", $"dotnet '{program}' image info '{Picture(folder)}' 2>&- > '{folder["out"]}'"));
        StringAssert.Contains(File.ReadAllText(folder["out"]), "png");
    }

    static string Picture(Pictures folder) => Path.Combine(folder.Classes("data", 1), "red", "000.png");
}
