using System.Buffers.Binary;
using System.Diagnostics;
using MlNetCifar.Files;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class NpyAndCifarTests
{
    [TestMethod]
    public void Open_BytePictures_TakesThemAsTheyAre()
    {
        var set = TestImages.Random(5);
        using var folder = new TestFolder()
            .Add("X.npy", [.. NpyHeader.Format("|u1", 5, 8, 8, 3), .. set.Pixels.Span])
            .Add("y.npy", Labels(set.Labels.Span))
            .Add("X_test.npy", [.. NpyHeader.Format("|u1", 1, 8, 8, 3), .. set.Pixels.Span[..192]])
            .Add("y_test.npy", Labels([0]))
            .Text("labels.txt", "w\nx\ny\nz\n");
        foreach (var path in new[] { folder.Root, folder["X.npy"] })
        {
            using var data = ImageDataset.Open(path);
            Assert.AreEqual(set.ContentHash(), data.Train.ContentHash());
            CollectionAssert.AreEqual(new[] { "w", "x", "y", "z" }, data.Classes.ToArray());
            Assert.AreEqual(1, data.Test!.Count);
        }
    }

    [TestMethod]
    public void Open_FloatPicturesAndParts_AreRoundedAndJoined()
    {
        var set = TestImages.Random(4, channels: 1, classes: 2, seed: 4);
        var folder = new TestFolder();
        for (var part = 0; part < 2; part++)
        {
            var pixels = set.Pixels.Span.Slice(part * 128, 128);
            var floats = new byte[128 * 4];
            for (var i = 0; i < 128; i++)
                BinaryPrimitives.WriteSingleLittleEndian(floats.AsSpan(4 * i), pixels[i] / 255f);
            folder.Add($"X_part_{part}.npy", [.. NpyHeader.Format("<f4", 2, 8, 8), .. floats]);
            folder.Add($"y_part_{part}.npy", Labels(set.Labels.Span.Slice(part * 2, 2)));
        }

        using (folder)
        {
            using var data = ImageDataset.Open(folder.Root, new() { Files = new() { Classes = ["a", "b"] } });
            Assert.AreEqual(set.ContentHash(), data.Train.ContentHash());
        }
    }

    [TestMethod]
    public void Open_WrittenByNumPy_IsRead()
    {
        using var folder = new TestFolder();
        Python(folder, "import numpy as n; a=n.arange(3*4*5*3,dtype=n.uint8).reshape(3,4,5,3); n.save('X.npy',a); n.save('y.npy',n.array([0,1,1]))");
        using var data = ImageDataset.Open(folder.Root);
        Assert.AreEqual((3, 4, 5, 3), (data.Train.Count, data.Train.Height, data.Train.Width, data.Train.Channels));
        var pixels = new byte[60];
        data.Train.CopyPixels(2, pixels);
        Assert.AreEqual(120, pixels[0]);
        Assert.AreEqual(1, data.Train.Label(2));
    }

    [TestMethod]
    public void Format_IsReadByNumPy()
    {
        using var folder = new TestFolder()
            .Add("a.npy", [.. NpyHeader.Format("|u1", 2, 3), 1, 2, 3, 4, 5, 6])
            .Add("b.npy", Labels([7, 8, 9]));
        var output = Python(folder, "import numpy as n; print(n.load('a.npy').tolist(), n.load('b.npy').tolist())");
        Assert.AreEqual("[[1, 2, 3], [4, 5, 6]] [7, 8, 9]", output.Trim());
    }

    [TestMethod]
    [DataRow("no magic")]
    [DataRow("short data")]
    [DataRow("fortran")]
    [DataRow("big endian")]
    [DataRow("objects")]
    [DataRow("huge shape")]
    [DataRow("wrong shape")]
    [DataRow("long header")]
    [DataRow("missing y")]
    [DataRow("count")]
    [DataRow("normalised")]
    [DataRow("negative label")]
    public void Open_WrongNpy_IsNamed(string fault)
    {
        var good = NpyHeader.Format("|u1", 2, 2, 2, 3);
        using var folder = new TestFolder().Add("X.npy", [.. good, .. new byte[24]]).Add("y.npy", Labels([0, 1]));
        switch (fault)
        {
            case "no magic": folder.Text("X.npy", "This is no array"); break;
            case "short data": folder.Add("X.npy", [.. good, .. new byte[23]]); break;
            case "fortran": folder.Add("X.npy", Replace(good, "False", "True ")); break;
            case "big endian": folder.Add("X.npy", [.. NpyHeader.Format(">f4", 2, 2, 2, 3), .. new byte[96]]); break;
            case "objects": folder.Add("X.npy", [.. NpyHeader.Format("|O8", 2, 2, 2, 3), .. new byte[192]]); break;
            case "huge shape": folder.Add("X.npy", [.. NpyHeader.Format("|u1", 1L << 40, 1L << 15, 1L << 15, 3), .. new byte[24]]); break;
            case "wrong shape": folder.Add("X.npy", [.. NpyHeader.Format("|u1", 2, 3, 2, 2), .. new byte[24]]); break;
            case "long header": folder.Add("X.npy", [0x93, .. "NUMPY"u8, 2, 0, 0, 0, 0, 0x10]); break;
            case "missing y": File.Delete(folder["y.npy"]); break;
            case "count": folder.Add("y.npy", Labels([0, 1, 1])); break;
            case "normalised": folder.Add("X.npy", [.. NpyHeader.Format("<f4", 2, 1, 1, 1), 0, 0, 0, 0xBF, 0, 0, 0, 0xBF]); break;
            case "negative label": folder.Add("y.npy", Labels([0, -1])); break;
        }

        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder.Root));
        Assert.AreEqual("MNC1020", e.Code);
        Assert.IsNotNull(e.Path);
    }

    [TestMethod]
    public void Open_CifarBinary_InterleavesThePlanes()
    {
        using var folder = new TestFolder();
        for (var i = 1; i <= 2; i++)
            folder.Add($"cifar-10-batches-bin/data_batch_{i}.bin", [.. Record((byte)i, 10), .. Record(9, 20)]);
        folder.Add("cifar-10-batches-bin/test_batch.bin", Record(3, 30));
        folder.Text("cifar-10-batches-bin/batches.meta.txt", "airplane\nautomobile\nbird\ncat\ndeer\ndog\nfrog\nhorse\nship\ntruck\n\n");
        var archive = folder["cifar.tar.gz"];
        using (var gzip = new System.IO.Compression.GZipStream(File.Create(archive), System.IO.Compression.CompressionLevel.Fastest))
            System.Formats.Tar.TarFile.CreateFromDirectory(folder["cifar-10-batches-bin"], gzip, includeBaseDirectory: true);
        foreach (var path in new[] { folder["cifar-10-batches-bin"], archive })
        {
            using var data = ImageDataset.Open(path);
            Assert.AreEqual((4, 32, 32, 3), (data.Train.Count, data.Train.Height, data.Train.Width, data.Train.Channels));
            CollectionAssert.AreEqual(new[] { 1, 9, 2, 9 }, Enumerable.Range(0, 4).Select(data.Train.Label).ToArray());
            Assert.AreEqual("cat", data.Classes[data.Test!.Label(0)]);
            var pixels = new byte[3072];
            data.Train.CopyPixels(2, pixels);
            CollectionAssert.AreEqual(new byte[] { 10, 11, 12, 11, 12, 13 }, pixels[..6]);
        }
    }

    [TestMethod]
    public void Open_Cifar100_TakesTheFineLabels()
    {
        using var folder = new TestFolder()
            .Add("train.bin", [.. Record(7, 0), .. Record(8, 0)])
            .Text("fine_label_names.txt", string.Concat(Enumerable.Range(0, 100).Select(i => $"c{i}\n")));
        File.WriteAllBytes(folder["train.bin"], [5, .. Record(99, 0), 6, .. Record(42, 0)]);
        using var data = ImageDataset.Open(folder.Root);
        Assert.AreEqual("c99", data.Classes[data.Train.Label(0)]);
        Assert.AreEqual(42, data.Train.Label(1));
    }

    [TestMethod]
    public void Open_WrongCifar_IsNamed()
    {
        using var folder = new TestFolder().Add("data_batch_1.bin", Record(1, 0)[..3000]);
        Assert.AreEqual("MNC1021", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder.Root)).Code);
        folder.Add("data_batch_1.bin", Record(10, 0));
        Assert.AreEqual("MNC1021", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder.Root)).Code);
    }

    static byte[] Labels(ReadOnlySpan<int> labels)
    {
        var bytes = new byte[8 * labels.Length];
        for (var i = 0; i < labels.Length; i++)
            BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(8 * i), labels[i]);
        return [.. NpyHeader.Format("<i8", labels.Length), .. bytes];
    }

    static byte[] Record(byte label, byte first)
    {
        var record = new byte[3073];
        record[0] = label;
        for (var i = 0; i < 3072; i++)
            record[i + 1] = (byte)(first + (i % 1024) + (i / 1024));
        return record;
    }

    static byte[] Replace(byte[] header, string from, string to) =>
        System.Text.Encoding.Latin1.GetBytes(System.Text.Encoding.Latin1.GetString(header).Replace(from, to)) is var h ? [.. h, .. new byte[24]] : [];

    internal static string Python(TestFolder folder, string script)
    {
        if (!File.Exists("/usr/bin/python3"))
            Assert.Inconclusive("There is no /usr/bin/python3.");
        var start = new ProcessStartInfo("/usr/bin/python3") { WorkingDirectory = folder.Root, RedirectStandardOutput = true, RedirectStandardError = true };
        start.ArgumentList.Add("-c");
        start.ArgumentList.Add(script);
        using var process = Process.Start(start)!;
        var output = process.StandardOutput.ReadToEnd();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        if (error.Contains("No module named 'numpy'", StringComparison.Ordinal))
            Assert.Inconclusive("Python has no NumPy.");
        Assert.AreEqual(0, process.ExitCode, error);
        return output;
    }
}
