using System.Buffers.Binary;
using System.Diagnostics;
using MlNetCifar.App.Cli;

namespace MlNetCifar.Tests.App;

/// <summary>Whatever users give by mistake: each has a named error and an exit code.</summary>
[TestClass]
public sealed class BadInputTests
{
    static readonly string[] s_small = ["--size", "16", "--preset", "cats-dogs-cnn", "--batch-size", "8", "--threads", "1", "--epochs", "1"];

    public static IEnumerable<object[]> Table =>
    [
        ["missing folder", "MNC1001", (Pictures f) => f["nowhere"]],
        ["empty folder", "MNC1003", (Pictures f) => Directory.CreateDirectory(f["data"]).FullName],
        ["one class", "MNC1005", (Func<Pictures, string>)OneClass],
        ["empty class", "MNC1004", (Pictures f) => { Directory.CreateDirectory(Path.Combine(f.Splits(), "train", "yellow")); return f["data"]; }],
        ["class that training lacks", "MNC1006", (Pictures f) => { f.Write("data/test/yellow/0.png", Png(f)); return f.Splits(); }],
        ["nothing but zero-byte files", "MNC1018", (Pictures f) => Replace(f, [])],
        ["nothing but text", "MNC1018", (Pictures f) => Replace(f, "this is no picture"u8.ToArray())],
        ["text as a data set", "MNC1002", (Pictures f) => f.Write("data.txt", "hello")],
        ["damaged archive", "MNC1009", (Pictures f) => f.Write("data.tar.gz", "no gzip")],
        ["wrong .npy", "MNC1020", (Pictures f) => { f.Write("npy/X.npy", "no npy"); f.Write("npy/y.npy", "no npy"); return f["npy"]; }],
        ["cut CIFAR file", "MNC1021", (Pictures f) => { f.Write("cifar/data_batch_1.bin", new byte[5000]); return f["cifar"]; }],
    ];

    [TestMethod]
    [DynamicData(nameof(Table))]
    public void Train_OnBadData_IsExitCode3(string what, string code, Func<Pictures, string> make)
    {
        using var folder = new Pictures();
        var data = make(folder);
        var run = Cli.Run(["train", "--data", data, "--output", folder.Runs, .. s_small]).Bad(ExitCodes.DataRejected, code);
        StringAssert.Contains(run.Error, Path.GetFileName(data), what);
        Assert.IsFalse(Directory.Exists(folder.Runs), "a refused data set leaves no run behind");
    }

    public static IEnumerable<object[]> BadFiles =>
    [
        ["zero-byte", "MNC1201", (byte[] png) => Array.Empty<byte>()],
        ["not an image", "MNC1202", (byte[] png) => "<html></html>"u8.ToArray()],
        ["truncated", "MNC1205", (byte[] png) => png[..(png.Length / 2)]],
        ["huge header", "MNC1207", (Func<byte[], byte[]>)Huge],
    ];

    [TestMethod]
    [DynamicData(nameof(BadFiles))]
    public void OneBadFile_IsListedAndTheRunGoesOn(string what, string code, Func<byte[], byte[]> spoil)
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        var file = Path.Combine(data, "train", "red", "bad.png");
        File.WriteAllBytes(file, spoil(Png(folder)));
        var run = Cli.Run(["train", "--data", data, "--output", folder.Runs, .. s_small]).Good();
        StringAssert.Contains(run.Error, "warning: 1 file could not be read", what);
        var listed = File.ReadAllText(Path.Combine(folder.Runs, "train", "cats-dogs-cnn", "bad_files.jsonl"));
        StringAssert.Contains(listed, "bad.png");
        StringAssert.Contains(listed, code);
        var strict = Cli.Run(["train", "--data", data, "--output", folder.Runs, "--on-bad-image", "fail", .. s_small]).Bad(ExitCodes.DataRejected, code);
        StringAssert.Contains(strict.Error, "bad.png");

        // Nothing in the folder tells of a file that is mended.
        File.Delete(file);
        Cli.Run(["train", "--data", data, "--output", folder.Runs, "--exist-ok", .. s_small]).Good();
        Assert.IsFalse(File.Exists(Path.Combine(folder.Runs, "train", "cats-dogs-cnn", "bad_files.jsonl")));
    }

    [TestMethod]
    public void AbsurdLearningRate_IsNamed()
    {
        using var folder = new Pictures();
        var run = Cli.Run(["train", "--data", folder.Splits(), "--output", folder.Runs, .. s_small[..^2], "--optimizer", "sgd", "--learning-rate", "1e30", "--epochs", "20"])
            .Bad(ExitCodes.Failure, "MNC3002");
        StringAssert.Contains(run.Error, "Lower the learning rate");
    }

    [TestMethod]
    [DataRow("MNC4001", null)]
    [DataRow("MNC4002", "not a model")]
    public void WrongModelFile_IsNamed(string code, string? content)
    {
        using var folder = new Pictures();
        var model = folder["model.safetensors"];
        if (content is not null)
            folder.Write("model.safetensors", content);
        var picture = folder.Write("a.png", Png(folder));
        StringAssert.Contains(Cli.Run("predict", picture, "--model", model).Bad(ExitCodes.DataRejected, code).Error, model);
        Cli.Run("evaluate", "--data", folder.Splits(), "--model", model).Bad(ExitCodes.DataRejected, code);
        Cli.Run("summary", "--model", model).Bad(ExitCodes.DataRejected, code);
    }

    [TestMethod]
    public void NothingToPredict_IsNamed()
    {
        using var folder = new Pictures();
        Cli.Run("predict").Bad(ExitCodes.Usage, "MNC9010");
        Cli.Run("predict", folder["nothing.jpg"]).Bad(ExitCodes.DataRejected, "MNC9011");
        Cli.Run("predict", folder.Root).Bad(ExitCodes.DataRejected, "MNC9014");
    }

    [TestMethod]
    public void RunsOfOtherData_AreNotCompared()
    {
        using var folder = new Pictures();
        foreach (var name in new[] { "a", "b" })
            Cli.Run(["train", "--data", folder.Splits(name, test: name == "a" ? 3 : 4), "--output", folder.Runs, "--name", name, .. s_small]).Good();
        Cli.Run("compare", Path.Combine(folder.Runs, "train", "a"), Path.Combine(folder.Runs, "train", "b")).Bad(ExitCodes.DataRejected, "MNC5007");
        Cli.Run("compare", folder["a"], folder["b"]).Bad(ExitCodes.DataRejected, "MNC5005");
    }

    [TestMethod]
    public void OutputThatIsAFile_IsNamed()
    {
        using var folder = new Pictures();
        var file = folder.Write("taken", "");
        Cli.Run(["train", "--data", folder.Splits(), "--output", file, .. s_small]).Bad(ExitCodes.Failure, "MNC9008");
    }

    [TestMethod]
    public void MissingPermission_IsNamed()
    {
        if (OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess)
        {
            Assert.Inconclusive("Permissions do not bind root.");
            return;
        }

        using var folder = new Pictures();
        var data = folder.Splits();
        var file = Path.Combine(data, "train", "red", "000.png");
        File.SetUnixFileMode(file, UnixFileMode.None);
        StringAssert.Contains(Cli.Run(["train", "--data", data, "--output", folder.Runs, .. s_small]).Good().Error, "000.png");
        Directory.CreateDirectory(folder.Runs);
        File.SetUnixFileMode(folder.Runs, UnixFileMode.UserRead | UnixFileMode.UserExecute);
        Cli.Run(["train", "--data", data, "--output", folder.Runs, .. s_small]).Bad(ExitCodes.Failure, "MNC9008");
        File.SetUnixFileMode(folder.Runs, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
    }

    [TestMethod]
    public void FullDisk_IsNamedAndLeavesNoHalfFile()
    {
        using var folder = new Pictures();
        var disk = Directory.CreateDirectory(folder["disk"]).FullName;
        if (Shell("mount", "-t", "tmpfs", "-o", "size=96k", "tmpfs", disk) != 0)
            Assert.Inconclusive("A small file system cannot be mounted here.");
        try
        {
            Cli.Run(["train", "--data", folder.Splits(), "--output", disk, .. s_small]).Bad(ExitCodes.Failure, "MNC3013");
            Assert.IsEmpty(Directory.GetFiles(disk, "*.tmp", SearchOption.AllDirectories));
            Assert.IsEmpty(Directory.GetFiles(disk, "*.safetensors", SearchOption.AllDirectories));
            Cli.Run("prepare", "--data", folder["data"], "--size", "64", "--to", Path.Combine(disk, "shards")).Bad(ExitCodes.Failure, "MNC1024");
        }
        finally
        {
            Shell("umount", disk);
        }
    }

    static string OneClass(Pictures folder)
    {
        folder.Write("data/train/red/0.png", Png(folder));
        folder.Write("data/train/red/1.png", Png(folder));
        return folder["data"];
    }

    static string Replace(Pictures folder, byte[] content)
    {
        var data = folder.Splits();
        foreach (var file in Directory.GetFiles(data, "*.png", SearchOption.AllDirectories))
            File.WriteAllBytes(file, content);
        return data;
    }

    static byte[] Png(Pictures folder) => File.ReadAllBytes(Path.Combine(folder.Classes("spare", 1), "red", "000.png"));

    /// <summary>A header that promises 60,000 × 60,000 pixels; its checksum is right.</summary>
    static byte[] Huge(byte[] png)
    {
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(16), 60_000);
        BinaryPrimitives.WriteInt32BigEndian(png.AsSpan(20), 60_000);
        BinaryPrimitives.WriteUInt32BigEndian(png.AsSpan(29), Crc(png.AsSpan(12, 17)));
        return png;
    }

    static uint Crc(ReadOnlySpan<byte> data)
    {
        var crc = uint.MaxValue;
        foreach (var value in data)
        {
            crc ^= value;
            for (var bit = 0; bit < 8; bit++)
                crc = (crc >> 1) ^ (0xEDB88320u & (0u - (crc & 1)));
        }

        return ~crc;
    }

    static int Shell(string file, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
