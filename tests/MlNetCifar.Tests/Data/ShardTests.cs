using System.Security.Cryptography;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class ShardTests
{
    static readonly ShardOptions s_options = new() { Spec = new PreprocessSpec { Width = 8, Height = 8 }, Parts = 4, Threads = 2 };

    [TestMethod]
    public void Write_Folder_ReadsBackTheSamePictures()
    {
        using var folder = new TestFolder().AddPictures("in/train/", 3, 20).AddPictures("in/test/", 3, 5);
        var report = ShardWriter.Write(folder["in"], folder["out"], s_options);
        Assert.AreEqual(8, report.PartsWritten);
        using var direct = ImageDataset.Open(folder["in"], new() { Spec = s_options.Spec });
        using var shards = ImageDataset.Open(folder["out"]);
        CollectionAssert.AreEqual(direct.Classes.ToArray(), shards.Classes.ToArray());
        AssertSamePictures(direct.Train, shards.Train);
        AssertSamePictures(direct.Test!, shards.Test!);
        Assert.AreEqual(Normalization.Compute(direct.Train), shards.Normalization);
        Assert.AreEqual(s_options.Spec, shards.Spec);
        foreach (var split in new[] { "", "train/", "test/" })
            Assert.IsTrue(File.Exists(folder[$"out/{split}_SUCCESS"]) && File.Exists(folder[$"out/{split}labels.txt"]), split);
        Assert.IsFalse(Directory.EnumerateFiles(folder["out"], "_part*", SearchOption.AllDirectories).Any());
        Assert.AreEqual("class0\nclass1\nclass2\n", File.ReadAllText(folder["out/labels.txt"]));
    }

    [TestMethod]
    public void Write_WithPartsMadeElsewhere_AsksForThoseOfAllSplitsAtOnce()
    {
        using var folder = new TestFolder().AddPictures("in/train/", 3, 20).AddPictures("in/test/", 3, 5);
        ShardWriter.Write(folder["in"], folder["local"], s_options);
        var calls = new List<string>();
        IEnumerable<(int, ShardPartInfo)> Make(string root, IReadOnlyList<ShardWork> work)
        {
            Assert.AreEqual(folder["made"], root);
            calls.Add(string.Join("; ", work.Select(w => $"{Path.GetRelativePath(root, w.Folder)}: {string.Join(' ', w.Missing)}")));
            // The splits' parts come mixed, and in no order.
            foreach (var (index, part) in work.SelectMany((w, i) => w.Missing.Select(p => (i, p))).OrderByDescending(t => (t.p, t.i)))
            {
                var split = Path.GetRelativePath(root, work[index].Folder);
                var info = ShardManifest.Read(LocalFileStore.Instance, folder[$"local/{split}"]).Parts[part];
                Assert.AreEqual(work[index].Plan.Keys[part], info.Key);
                Directory.CreateDirectory(work[index].Folder);
                foreach (var file in info.Files)
                    File.Copy(folder[$"local/{split}/{file.Name}"], Path.Combine(work[index].Folder, file.Name), overwrite: true);
                yield return (index, info);
            }
        }

        using var catalog = ImageCatalog.Open(folder["in"]);
        Assert.AreEqual(8, ShardWriter.Write(catalog, folder["made"], s_options, Make).PartsWritten);
        CollectionAssert.AreEqual(Contents(folder["local"]), Contents(folder["made"]));
        File.Delete(folder["made/test/X_part_00002.npy"]);
        Assert.AreEqual(7, ShardWriter.Write(catalog, folder["made"], s_options, Make).PartsKept);
        CollectionAssert.AreEqual(new[] { "train: 0 1 2 3; test: 0 1 2 3", "test: 2" }, calls);
        CollectionAssert.AreEqual(Contents(folder["local"]), Contents(folder["made"]));

        static string[] Contents(string root) => [.. LocalFileStore.Instance.List(root).Where(e => !e.IsFolder).OrderBy(e => e.Path, StringComparer.Ordinal)
            .Select(e => $"{e.Path} {Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(Path.Combine(root, e.Path))))}")];
    }

    [TestMethod]
    public void Write_NamesOfSeveralLines_AreReadBack()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 3);
        string[] names = ["in/class0/one\ntwo.png", "in/class0/one\r\n.png", "in/class1/\"quoted\".png", "in/class1/\"quoted\"\n\"", "in/class1/\\n.png"];
        names = [.. names.Select(n => n.EndsWith(".png", StringComparison.Ordinal) ? n : n + ".png")];
        for (var i = 0; i < names.Length; i++)
            folder.Add(names[i], TestImages.Png(50 + i));
        ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 1 });
        using var shards = ImageDataset.Open(folder["out"]);
        var found = Enumerable.Range(0, shards.Train.Count).Select(shards.Train.Name).ToHashSet();
        Assert.HasCount(11, found);
        foreach (var name in names)
            Assert.Contains(name["in/".Length..], found);
    }

    [TestMethod]
    public void Write_NamesThatAnEarlierVersionBroke_AreWrittenAgain()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 3).Add("in/class0/one\ntwo.png", TestImages.Png(50));
        ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 1 });
        var names = folder["out/files_part_00000.txt"];
        var (old, broken) = (File.ReadAllBytes(names), System.Text.Encoding.UTF8.GetBytes(File.ReadAllText(names).Replace("\"class0/one\\ntwo.png\"", "class0/one\ntwo.png")));
        Assert.AreNotEqual(old.Length, broken.Length);
        File.WriteAllBytes(names, broken);
        var manifest = File.ReadAllText(folder["out/manifest.json"]);
        File.WriteAllText(folder["out/manifest.json"], manifest.Replace(Convert.ToHexStringLower(SHA256.HashData(old)), Convert.ToHexStringLower(SHA256.HashData(broken))));
        Assert.AreEqual(1, ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 1 }).PartsWritten);
        CollectionAssert.AreEqual(old, File.ReadAllBytes(names));
    }

    [TestMethod]
    public void Write_WhatAnEarlierVersionFoundTooLarge_IsTriedAgain()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 3).Add("in/class0/bad.png", [1, 2, 3]);
        ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 1 });
        Assert.AreEqual(1, ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 1 }).PartsKept);
        var manifest = File.ReadAllText(folder["out/manifest.json"]);
        var reason = ShardManifest.Read(LocalFileStore.Instance, folder["out"]).Parts[0].BadFiles[0].Reason;
        File.WriteAllText(folder["out/manifest.json"], manifest.Replace(reason, "The picture has 12000×9000 pixels, the limit is 89000000 pixels."));
        Assert.AreEqual(1, ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 1 }).PartsWritten);
        Assert.AreEqual(1, ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 1 }).PartsKept);
        Assert.AreEqual(0, ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 1, ExistOk = true, Decode = new() { MaxPixels = 89_000_000 } }).PartsKept);
    }

    [TestMethod]
    [DataRow("two\nlines")]
    [DataRow("two\rlines")]
    public void Write_ClassOfSeveralLines_IsRefusedBeforeTheWork(string name)
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 3).Add($"in/{name}/1.png", TestImages.Png(1));
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(folder["in"], folder["out"], s_options with { Float32 = true, Normalize = true }));
        Assert.AreEqual("MNC1026", e.Code);
        Assert.IsFalse(Directory.Exists(folder["out"]));
        Assert.AreEqual("MNC1026", Assert.ThrowsExactly<MlNetCifarException>(() => LabelsFile.Write(["a", name], folder["labels.txt"])).Code);
    }

    [TestMethod]
    public void Write_AnyThreadsAndOrigin_GivesTheSameBytes()
    {
        using var folder = new TestFolder().AddPictures("in/", 3, 15);
        folder.Add("in/class1/zzz.png", [1, 2, 3]);
        ShardWriter.Write(folder["in"], folder["one"], s_options with { Threads = 1 });
        ShardWriter.Write(folder["in"], folder["three"], s_options with { Threads = 3 });
        System.Formats.Tar.TarFile.CreateFromDirectory(folder["in"], folder["in.tar"], includeBaseDirectory: false);
        ShardWriter.Write(folder["in.tar"], folder["tar"], s_options);
        var expected = Hashes(folder["one"]);
        Assert.IsTrue(expected.ContainsKey("X_part_00003.npy") && expected.ContainsKey("bad_files.jsonl"));
        AssertSame(expected, Hashes(folder["three"]));
        AssertSame(expected, Hashes(folder["tar"]));
    }

    [TestMethod]
    public void Write_Again_BuildsOnlyWhatIsMissingOrDamaged()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 20);
        ShardWriter.Write(folder["in"], folder["out"], s_options);
        var expected = Hashes(folder["out"]);
        Assert.AreEqual((0, 4), Run());
        File.Delete(folder["out/y_part_00001.npy"]);
        Assert.AreEqual((1, 3), Run());
        var bytes = File.ReadAllBytes(folder["out/X_part_00002.npy"]);
        bytes[^1] ^= 1;
        File.WriteAllBytes(folder["out/X_part_00002.npy"], bytes);
        Assert.AreEqual((1, 3), Run());
        File.WriteAllText(folder["out/manifest.json"], "{");
        File.Delete(folder["out/_SUCCESS"]);
        Assert.AreEqual((4, 0), Run());
        File.Delete(folder["out/labels.txt"]);
        Assert.AreEqual((0, 4), Run());

        (int, int) Run()
        {
            var report = ShardWriter.Write(folder["in"], folder["out"], s_options);
            AssertSame(expected, Hashes(folder["out"]));
            return (report.PartsWritten, report.PartsKept);
        }
    }

    [TestMethod]
    public void Write_KilledAfterSomeParts_ContinuesThere()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 20);
        var store = new FullStore("X_part_00002.npy");
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(folder["in"], folder["out"], s_options with { Store = store }));
        Assert.AreEqual("MNC1024", e.Code);
        Assert.IsFalse(File.Exists(folder["out/manifest.json"]));
        Assert.AreEqual("MNC1032", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder["out"])).Code);
        var report = ShardWriter.Write(folder["in"], folder["out"], s_options);
        Assert.AreEqual((2, 2), (report.PartsWritten, report.PartsKept));
        ShardWriter.Write(folder["in"], folder["fresh"], s_options);
        AssertSame(Hashes(folder["fresh"]), Hashes(folder["out"]));
    }

    [TestMethod]
    public void Write_ChangedInputOrOptions_RebuildsAndRemovesStaleParts()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 20);
        ShardWriter.Write(folder["in"], folder["out"], s_options);
        var fewer = ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 2, ExistOk = true });
        Assert.AreEqual(2, fewer.PartsWritten);
        Assert.IsFalse(File.Exists(folder["out/X_part_00002.npy"]));
        using (var shards = ImageDataset.Open(folder["out"]))
            Assert.AreEqual(40, shards.Train.Count);
        folder.Add("in/class1/new.png", TestImages.Png(77));
        Assert.AreEqual(2, ShardWriter.Write(folder["in"], folder["out"], s_options with { Parts = 2 }).PartsWritten);
        var wider = s_options with { Spec = new PreprocessSpec { Width = 4, Height = 4 }, ExistOk = true };
        Assert.AreEqual(4, ShardWriter.Write(folder["in"], folder["out"], wider).PartsWritten);
        Assert.AreEqual("MNC1209", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder["out"], new() { Spec = s_options.Spec })).Code);
        Assert.AreEqual("MNC1034", Assert.ThrowsExactly<MlNetCifarException>(
            () => ShardWriter.Write(folder["in"], folder["out"], s_options with { TestFraction = 0.2 })).Code);
    }

    [TestMethod]
    public void Write_BadFiles_AreListedOrFail()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 10);
        folder.Add("in/class0/bad.png", "not an image"u8.ToArray()).Add("in/class1/empty.png", []);
        var report = ShardWriter.Write(folder["in"], folder["out"], s_options);
        CollectionAssert.AreEquivalent(new[] { "class0/bad.png", "class1/empty.png" }, report.BadFiles.Select(b => b.Path).ToArray());
        Assert.AreEqual(20, report.Splits[DatasetSplit.Train].Count);
        Assert.HasCount(2, File.ReadAllLines(folder["out/bad_files.jsonl"]));
        using (var shards = ImageDataset.Open(folder["out"]))
            Assert.HasCount(2, shards.BadFiles);
        var e = Assert.ThrowsExactly<MlNetCifarException>(
            () => ShardWriter.Write(folder["in"], folder["other"], s_options with { OnBadImage = OnBadImage.Fail }));
        Assert.AreEqual(ErrorKind.Data, e.Kind);
        StringAssert.StartsWith(e.Code, "MNC12");
    }

    [TestMethod]
    public void Write_OnlyBadFiles_IsNamedAndLeavesNothingThatLooksComplete()
    {
        using var folder = new TestFolder().Add("in/a/1.png", "in/b/1.png");
        Assert.AreEqual("MNC1018", Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(folder["in"], folder["out"], s_options)).Code);
        Assert.IsFalse(File.Exists(folder["out/_SUCCESS"]) || File.Exists(folder["out/manifest.json"]));
    }

    [TestMethod]
    public void Write_Fractions_CutStratifiedSplits()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 20);
        var report = ShardWriter.Write(folder["in"], folder["out"], s_options with { TestFraction = 0.2, ValidationFraction = 0.1 });
        CollectionAssert.AreEqual(new[] { 14, 14 }, report.Splits[DatasetSplit.Train].Histogram.ToArray());
        CollectionAssert.AreEqual(new[] { 2, 2 }, report.Splits[DatasetSplit.Validation].Histogram.ToArray());
        CollectionAssert.AreEqual(new[] { 4, 4 }, report.Splits[DatasetSplit.Test].Histogram.ToArray());
        using var shards = ImageDataset.Open(folder["out"]);
        var names = new[] { shards.Train, shards.Validation!, shards.Test! }.SelectMany(s => Enumerable.Range(0, s.Count).Select(s.Name));
        Assert.HasCount(40, names.Distinct());
    }

    [TestMethod]
    public void Write_Float32AndArrays_KeepThePixels()
    {
        var set = TestImages.Random(30);
        using var folder = new TestFolder();
        using var data = ImageDataset.Create(set, test: set.Subset([0, 1, 2]));
        ShardWriter.Write(data, folder["out"], s_options with { Float32 = true });
        using (var shards = ImageDataset.Open(folder["out"]))
            AssertSamePictures(set, shards.Train);
        Assert.AreEqual(0, ShardWriter.Write(data, folder["out"], s_options with { Float32 = true }).PartsWritten);
        var changed = set.Pixels.ToArray();
        changed[^1] ^= 1;
        using var other = ImageDataset.Create(new ImageSet(changed, set.Labels.ToArray(), 8, 8, 3, set.Classes), test: set.Subset([0, 1, 2]));
        Assert.AreEqual(4, ShardWriter.Write(other, folder["out"], s_options with { Float32 = true }).PartsWritten);
    }

    [TestMethod]
    public void Write_Normalized_UsesTheTrainingSplitsMomentsAndReadsBackTheSameBytes()
    {
        using var folder = new TestFolder().AddPictures("in/train/", 3, 20).AddPictures("in/test/", 3, 5);
        var options = s_options with { Float32 = true, Normalize = true };
        var report = ShardWriter.Write(folder["in"], folder["out"], options);
        using var direct = ImageDataset.Open(folder["in"], new() { Spec = s_options.Spec });
        var expected = Normalization.Compute(direct.Train);
        foreach (var manifest in report.Splits.Values)
            Assert.AreEqual(expected, manifest.NormalizedBy);
        using (var shards = ImageDataset.Open(folder["out"]))
        {
            AssertSamePictures(direct.Train, shards.Train);
            AssertSamePictures(direct.Test!, shards.Test!);
            Assert.AreEqual(expected, shards.Normalization);
        }

        Assert.AreEqual(0, ShardWriter.Write(folder["in"], folder["out"], options).PartsWritten);
        folder.Add("in/train/class1/new.png", TestImages.Png(78));
        Assert.AreEqual(8, ShardWriter.Write(folder["in"], folder["out"], options).PartsWritten, "A new training image changes the moments, hence every part.");
        Assert.ThrowsExactly<ArgumentException>(() => ShardWriter.Write(folder["in"], folder["out"], s_options with { Normalize = true }));

        using var data = ImageDataset.Create(TestImages.Random(30), test: TestImages.Random(12, seed: 9));
        ShardWriter.Write(data, folder["arrays"], options);
        using var arrays = ImageDataset.Open(folder["arrays"]);
        AssertSamePictures(data.Train, arrays.Train);
        AssertSamePictures(data.Test!, arrays.Test!);
    }

    [TestMethod]
    public void Write_NormalizedTrainingPixels_HaveMean0AndDeviation1InNumPy()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 10);
        ShardWriter.Write(folder["in"], folder["out"], s_options with { Float32 = true, Normalize = true });
        var output = NpyAndCifarTests.Python(folder, """
            import numpy as n
            x = n.concatenate([n.load(f'out/X_part_{k:05d}.npy') for k in range(4)])
            assert x.dtype == n.float32 and x.shape == (20, 8, 8, 3)
            assert abs(x.mean((0, 1, 2))).max() < 1e-6 and abs(x.std((0, 1, 2)) - 1).max() < 1e-6
            print('good')
            """);
        Assert.AreEqual("good", output.Trim());
    }

    [TestMethod]
    public void Plan_KeysOfAnyOtherDecodeOptions_Differ()
    {
        ShardItem[] items = [new("a.png", 0, 1), new("b.png", 1, 2)];
        var keys = new HashSet<string>(ShardPlan.Create(items, s_options).Keys);
        foreach (var property in typeof(DecodeOptions).GetProperties().Where(p => p.CanWrite))
        {
            var decode = s_options.Decode with { };
            property.SetValue(decode, property.GetValue(decode) switch { bool value => !value, int value => value - 1, long value => (object)(value - 1), CancellationToken => new CancellationToken(true), _ => throw new NotSupportedException() });
            var plan = ShardPlan.Create(items, s_options with { Decode = decode });

            // These follow from the specification, whatever the options say, or change no pixel.
            if (property.Name is nameof(DecodeOptions.Cancellation) or nameof(DecodeOptions.ApplyOrientation) or nameof(DecodeOptions.MinWidth) or nameof(DecodeOptions.MinHeight))
                Assert.IsTrue(keys.IsSupersetOf(plan.Keys), property.Name);
            else
                Assert.IsTrue(plan.Keys.All(keys.Add), property.Name);
        }

        foreach (var spec in new[] { s_options.Spec with { ApplyOrientation = false }, s_options.Spec with { ScaledDecoding = true } })
            Assert.IsTrue(ShardPlan.Create(items, s_options with { Spec = spec }).Keys.All(keys.Add), spec.ToJson());
    }

    [TestMethod]
    public void Write_AgainWithOtherLimits_KeepsNoPartThatTheyChange()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 10);
        folder.Add("in/class0/bad.png", "not an image"u8.ToArray()).Add("in/class1/large.png", TestImages.Png(5, 100, 100));
        var small = ShardWriter.Write(folder["in"], folder["out"], s_options, new() { MaxFileBytes = 5_000 });
        CollectionAssert.AreEquivalent(new[] { "MNC1202", "MNC1012" }, small.BadFiles.Select(b => b.Code).ToArray());
        var large = ShardWriter.Write(folder["in"], folder["out"], s_options);
        Assert.AreEqual((1, 3), (large.PartsWritten, large.PartsKept));
        Assert.AreEqual("MNC1202", large.BadFiles.Single().Code);
        Assert.AreEqual("MNC1202", Assert.ThrowsExactly<MlNetCifarException>(
            () => ShardWriter.Write(folder["in"], folder["out"], s_options with { OnBadImage = OnBadImage.Fail })).Code, "What was let pass before is not let pass now.");
    }

    [TestMethod]
    public void Write_IsReadByNumPy()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 10);
        for (var i = 0; i < 20; i++)
            folder.Add($"raw/class{i / 10}/{i % 10:D3}.png", TestImages.Pixels((i / 10 * 1000) + (i % 10) + 300_000));
        ShardWriter.Write(folder["in"], folder["out"], s_options);
        ShardWriter.Write(folder["in"], folder["float"], s_options with { Float32 = true });
        var output = NpyAndCifarTests.Python(folder, """
            import numpy as n
            for k in range(4):
                x = n.load(f'out/X_part_{k:05d}.npy', mmap_mode='r'); f = n.load(f'float/X_part_{k:05d}.npy'); y = n.load(f'out/y_part_{k:05d}.npy')
                names = open(f'out/files_part_{k:05d}.txt').read().splitlines()
                assert x.shape == (5, 8, 8, 3) and x.dtype == n.uint8 and y.dtype == n.int64 and f.dtype == n.float32
                assert (f == x.astype(n.float32) / n.float32(255)).all()
                for i in range(5):
                    assert names[i].startswith(f'class{y[i]}/')
                    assert open('raw/' + names[i], 'rb').read() == x[i].tobytes()
            print('good')
            """);
        Assert.AreEqual("good", output.Trim());
    }

    [TestMethod]
    public void Open_DamagedShards_AreNamed()
    {
        using var folder = new TestFolder().AddPictures("in/", 2, 10);
        ShardWriter.Write(folder["in"], folder["out"], s_options);
        var good = Directory.EnumerateFiles(folder["out"]).ToDictionary(f => f, File.ReadAllBytes);
        Check("MNC1032", () => File.Delete(folder["out/_SUCCESS"]));
        Check("MNC1030", () => File.Delete(folder["out/X_part_00001.npy"]));
        Check("MNC1030", () => File.Delete(folder["out/y_part_00001.npy"]));
        Check("MNC1030", () => File.WriteAllBytes(folder["out/X_part_00001.npy"], good[folder["out/X_part_00001.npy"]][..^1]));
        Check("MNC1031", () => File.WriteAllText(folder["out/manifest.json"], "{}"));
        Check("MNC1031", () => File.WriteAllText(folder["out/manifest.json"], File.ReadAllText(folder["out/manifest.json"]).Replace("\"version\": 1", "\"version\": 9")));
        Check("MNC1031", () => File.WriteAllText(folder["out/manifest.json"], File.ReadAllText(folder["out/manifest.json"]).Replace("X_part_00000", "../X_part_00000")));
        using var source = ShardSource.Open(folder["out"]);
        source.Verify();
        var bytes = good[folder["out/X_part_00003.npy"]].ToArray();
        bytes[^1] ^= 1;
        File.WriteAllBytes(folder["out/X_part_00003.npy"], bytes);
        Assert.AreEqual("MNC1030", Assert.ThrowsExactly<MlNetCifarException>(() => source.Verify()).Code);

        void Check(string code, Action damage)
        {
            damage();
            Assert.AreEqual(code, Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder["out"]).Dispose()).Code);
            foreach (var (path, content) in good)
                File.WriteAllBytes(path, content);
        }
    }

    [TestMethod]
    public void Loader_OverShards_EqualsTheLoaderOverMemoryAndWindowsAreDeterministic()
    {
        using var folder = new TestFolder().AddPictures("in/", 3, 40);
        ShardWriter.Write(folder["in"], folder["out"], s_options);
        using var shards = ImageDataset.Open(folder["out"]);
        using var remote = ShardSource.Open(folder["out"], new RemoteStore());
        Assert.AreEqual(shards.Train.ContentHash(), remote.ContentHash());
        var options = new BatchLoaderOptions { BatchSize = 16, Shuffle = true, ShuffleWindow = 32, Seed = 3, Augmentation = Augmentation.Standard(8) };
        var expected = Order(shards.Train, options);
        CollectionAssert.AreEqual(expected, Order(remote, options with { Threads = 3 }));
        CollectionAssert.AreEquivalent(Enumerable.Range(0, 120).ToArray(), expected);
        for (var start = 0; start < 120; start += 32)
            Assert.IsLessThanOrEqualTo(3, expected.Skip(start).Take(32).Select(i => i / 30).Distinct().Count());
    }

    [TestMethod]
    public void ShardPartInfo_Json_RoundTrips()
    {
        using var folder = new TestFolder();
        var part = new ShardBuilder(s_options).Build(2, [new("a.png", 1, () => TestImages.Png(1)), new("b.png", 0, () => "x"u8.ToArray())]);
        var info = part.Write(LocalFileStore.Instance, folder["out"], 7, "key", 2, ".attempt_1");
        Assert.IsTrue(File.Exists(folder["out/X_part_00007.npy.attempt_1"]));
        Assert.AreEqual("X_part_00007.npy", info.Files[0].Name);
        Assert.AreEqual(info.ToJson(), ShardPartInfo.FromJson(info.ToJson()).ToJson());
        Assert.AreEqual("b.png", ShardPartInfo.FromJson(info.ToJson()).BadFiles.Single().Path);
        Assert.ThrowsExactly<System.Text.Json.JsonException>(() => ShardPartInfo.FromJson("{\"part\":1}"));
    }

    static int[] Order(ImageSource source, BatchLoaderOptions options)
    {
        using var loader = new BatchLoader(source, TestImages.Normalization(3), options);
        loader.Start(1);
        var order = new List<int>();
        while (loader.Next() is { } batch)
            order.AddRange(batch.Indices.ToArray());
        return [.. order];
    }

    static void AssertSamePictures(ImageSource expected, ImageSource actual)
    {
        Assert.AreEqual(expected.Count, actual.Count);
        var rows = Enumerable.Range(0, expected.Count).ToDictionary(expected.Name);
        var (a, b) = (new byte[expected.ImageLength], new byte[expected.ImageLength]);
        for (var i = 0; i < actual.Count; i++)
        {
            var row = rows[actual.Name(i)];
            expected.CopyPixels(row, a);
            actual.CopyPixels(i, b);
            CollectionAssert.AreEqual(a, b);
            Assert.AreEqual(expected.Label(row), actual.Label(i));
        }
    }

    static Dictionary<string, string> Hashes(string folder) =>
        Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
            .ToDictionary(f => Path.GetRelativePath(folder, f), f => Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(f))));

    static void AssertSame(Dictionary<string, string> expected, Dictionary<string, string> actual) =>
        CollectionAssert.AreEquivalent(expected.Select(e => $"{e.Key} {e.Value}").ToArray(), actual.Select(e => $"{e.Key} {e.Value}").ToArray());

    /// <summary>A disk that is full after some writes.</summary>
    sealed class FullStore(string refused) : ForwardingStore
    {
        public override void Write(string path, Action<Stream> content)
        {
            if (path.EndsWith(refused, StringComparison.Ordinal))
                throw new IOException("No space left on device.");
            // A sidecar is written beside the next parts.
            if (path.EndsWith(".json", StringComparison.Ordinal))
                Thread.Sleep(100);
            base.Write(path, content);
        }
    }

    /// <summary>A store whose streams are not local files.</summary>
    sealed class RemoteStore : ForwardingStore
    {
        public override Stream OpenRead(string path) => new BufferedStream(base.OpenRead(path));
    }
}
