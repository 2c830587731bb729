using System.Buffers.Binary;
using System.Diagnostics;
using MlNetCifar.Files;
using MlNetCifar.Tests.TestKit;

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
    [DataRow("short fortran")]
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
            case "short fortran": folder.Add("X.npy", Replace(good, "False", "True ")[..^1]); break;
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
    [DataRow("n.asfortranarray(a)")]
    [DataRow("n.asfortranarray(a.astype('>u2'))")]
    [DataRow("a.astype('>i4')")]
    [DataRow("a.astype('>f8')")]
    [DataRow("a.astype('f2')")]
    [DataRow("n.asfortranarray(a.astype('>f2'))")]
    [DataRow("(a/255).astype('f4')")]
    [DataRow("(a/255).astype('>f8')")]
    public void Open_AnyKindOfArray_GivesTheSamePictures(string expression)
    {
        using var folder = new TestFolder();
        Python(folder, $"import numpy as n; a=(n.arange(3*4*5*3)*7%256).astype(n.uint8).reshape(3,4,5,3); n.save('X.npy',{expression}); n.save('y.npy',n.array([0,1,1],'>i2')); n.save('a.npy',a)");
        using var data = ImageDataset.Open(folder.Root);
        var pixels = new byte[180];
        for (var i = 0; i < 3; i++)
            data.Train.CopyPixels(i, pixels.AsSpan(60 * i, 60));
        CollectionAssert.AreEqual(File.ReadAllBytes(folder["a.npy"])[^180..], pixels);
        CollectionAssert.AreEqual(new[] { 0, 1, 1 }, Enumerable.Range(0, 3).Select(data.Train.Label).ToArray());
    }

    [TestMethod]
    public void Open_Booleans_AreBlackAndWhite()
    {
        using var folder = new TestFolder().Add("X.npy", [.. NpyHeader.Format("|b1", 2, 1, 2), 0, 1, 1, 0]).Add("y.npy", [.. NpyHeader.Format("|b1", 2), 0, 1]);
        using var data = ImageDataset.Open(folder.Root);
        var pixels = new byte[2];
        data.Train.CopyPixels(0, pixels);
        CollectionAssert.AreEqual(new byte[] { 0, 255 }, pixels);
    }

    [TestMethod]
    public void Open_DarkPart_IsOnTheScaleOfTheSet()
    {
        using var folder = new TestFolder()
            .Add("X_part_0.npy", [.. NpyHeader.Format("<f4", 1, 1, 1), .. BitConverter.GetBytes(1f)]).Add("y_part_0.npy", Labels([0]))
            .Add("X_part_1.npy", [.. NpyHeader.Format("<f4", 1, 1, 1), .. BitConverter.GetBytes(200f)]).Add("y_part_1.npy", Labels([1]))
            .Add("X_test.npy", [.. NpyHeader.Format("<f4", 1, 1, 1), .. BitConverter.GetBytes(1f)]).Add("y_test.npy", Labels([1]));
        using var data = ImageDataset.Open(folder.Root);
        var pixel = new byte[1];
        data.Train.CopyPixels(0, pixel);
        Assert.AreEqual(1, pixel[0]);
        data.Test!.CopyPixels(0, pixel);
        Assert.AreEqual(1, pixel[0]);
    }

    [TestMethod]
    public void Open_LabelsWithGaps_AreTheClasses()
    {
        using var folder = new TestFolder()
            .Add("X.npy", [.. NpyHeader.Format("|u1", 4, 1, 1), 1, 2, 3, 4]).Add("y.npy", Labels([2023, 2021, 1_000_000, 2021]))
            .Add("X_test.npy", [.. NpyHeader.Format("|u1", 1, 1, 1), 5]).Add("y_test.npy", Labels([2022]));
        using var data = ImageDataset.Open(folder.Root);
        CollectionAssert.AreEqual(new[] { "2021", "2022", "2023", "1000000" }, data.Classes.ToArray());
        CollectionAssert.AreEqual(new[] { 2, 0, 3, 0 }, Enumerable.Range(0, 4).Select(data.Train.Label).ToArray());
        Assert.AreEqual(1, data.Test!.Label(0));
        StringAssert.Contains(data.Warnings.Single(), "from 2021 to 1000000");
    }

    [TestMethod]
    public void Open_GapAmongParts_IsToldOf()
    {
        using var folder = new TestFolder();
        foreach (var part in new[] { 1, 2, 5 })
            folder.Add($"X_part_{part}.npy", [.. NpyHeader.Format("|u1", 2, 1, 1), 1, 2]).Add($"y_part_{part}.npy", Labels([0, 1]));
        using (var data = ImageDataset.Open(folder.Root))
            StringAssert.Contains(data.Warnings.Single(), "between X_part_2.npy and X_part_5.npy 2 parts");
        folder.Add("X_part_02.npy", File.ReadAllBytes(folder["X_part_2.npy"]));
        Assert.AreEqual("MNC1008", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder.Root)).Code);
    }

    [TestMethod]
    [DataRow("x_train", "y_train", "x_test", "y_test")]
    [DataRow("train_images", "train_labels", "test_images", "test_labels")]
    [DataRow("X_train", "y_train", "X_val", "y_val")]
    [DataRow("images", "labels", "test-data", "test-targets")]
    public void Open_Npz_FindsTheArraysByTheirNames(string x, string y, string otherX, string otherY)
    {
        using var folder = new TestFolder()
            .Add($"{x}.npy", [.. NpyHeader.Format("|u1", 2, 1, 1), 1, 2]).Add($"{y}.npy", Labels([0, 1]))
            .Add($"{otherX}.npy", [.. NpyHeader.Format("|u1", 1, 1, 1), 3]).Add($"{otherY}.npy", [.. NpyHeader.Format("|u1", 1, 1), 1]);
        System.IO.Compression.ZipFile.CreateFromDirectory(folder.Root, Path.Combine(Path.GetTempPath(), Path.GetFileName(folder.Root) + ".npz"));
        File.Move(Path.Combine(Path.GetTempPath(), Path.GetFileName(folder.Root) + ".npz"), folder["all.npz"]);
        foreach (var path in new[] { folder["all.npz"], folder.Root, folder[$"{x}.npy"] })
        {
            using var data = ImageDataset.Open(path);
            Assert.AreEqual(2, data.Train.Count, path);
            if (path != folder[$"{x}.npy"] || !x.Contains("images", StringComparison.Ordinal) || x != "images")
                Assert.AreEqual(1, (data.Test ?? data.Validation)!.Label(0), path);
        }
    }

    [TestMethod]
    public void Open_NpzOfNumPy_IsRead()
    {
        using var folder = new TestFolder();
        Python(folder, "import numpy as n; n.savez_compressed('mnist.npz', x_train=n.arange(8).astype('u1').reshape(2,2,2), y_train=n.array([3,5]), x_test=n.zeros((1,2,2),'u1'), y_test=n.array([5]))");
        using var data = ImageDataset.Open(folder["mnist.npz"]);
        CollectionAssert.AreEqual(new[] { "3", "5" }, data.Classes.ToArray());
        Assert.AreEqual((2, 1), (data.Train.Count, data.Test!.Count));
    }

    [TestMethod]
    public void Open_CifarBatches_TellsOfMissingShortAndDoubleOnes()
    {
        using var folder = new TestFolder();
        foreach (var i in new[] { 1, 2, 4, 5 })
            folder.Add($"data_batch_{i}.bin", i == 4 ? Record(1, 0) : [.. Record(1, 0), .. Record(2, 0)]);
        folder.Add("data_batch_1 (1).bin", Record(1, 0));
        using var data = ImageDataset.Open(folder.Root);
        Assert.AreEqual(7, data.Train.Count);
        Assert.HasCount(3, data.Warnings);
        StringAssert.Contains(data.Warnings[0], "data_batch_3.bin");
        StringAssert.Contains(data.Warnings[1], "data_batch_4.bin: has 1 records, others 2");
        StringAssert.Contains(data.Warnings[2], "data_batch_1 (1).bin: ignored");
    }

    [TestMethod]
    public void Open_CifarTestFileAlone_IsATestSplit()
    {
        using var folder = new TestFolder().Add("cifar/test_batch.bin", [.. Record(3, 30), .. Record(5, 1)]);
        foreach (var path in new[] { folder["cifar"], folder["cifar/test_batch.bin"] })
        {
            using var data = ImageDataset.Open(path);
            Assert.IsFalse(data.Has(DatasetSplit.Train));
            Assert.AreEqual(2, data.Test!.Count);
            Assert.AreEqual("cat", data.Classes[data.Test.Label(0)]);
        }

        folder.Add("cifar/data_batch_1.bin", Record(1, 0)).Add("hundred/test.bin", [5, .. Record(99, 0)]).Text("hundred/fine_label_names.txt", string.Concat(Enumerable.Range(0, 100).Select(i => $"c{i}\n")));
        using (var data = ImageDataset.Open(folder["cifar/data_batch_1.bin"]))
            Assert.IsFalse(data.Has(DatasetSplit.Test));
        using (var data = ImageDataset.Open(folder["hundred/test.bin"]))
            Assert.AreEqual("c99", data.Classes[data.Test!.Label(0)]);
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
