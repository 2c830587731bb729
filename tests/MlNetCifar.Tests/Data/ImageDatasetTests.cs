using MlNetCifar.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class ImageDatasetTests
{
    static readonly PreprocessSpec s_spec = new() { Width = 8, Height = 8 };

    [TestMethod]
    public void Open_Folder_HasTheSamePicturesForAnyThreads()
    {
        using var folder = new TestFolder().AddPictures("train/", 3, 20).AddPictures("val/", 3, 4);
        folder.Add("train/class1/010.png", "broken"u8.ToArray());
        using var one = ImageDataset.Open(folder.Root, new() { Spec = s_spec, Threads = 1 });
        using var four = ImageDataset.Open(folder.Root, new() { Spec = s_spec, Threads = 4 });
        Assert.AreEqual(one.Train.ContentHash(), four.Train.ContentHash());
        Assert.AreEqual(59, one.Train.Count);
        Assert.AreEqual("train/class1/011.png", one.Train.Name(30));
        Assert.AreEqual(12, one.Validation!.Count);
        Assert.IsNull(one.Test);
        var pixels = new byte[192];
        one.Train.CopyPixels(30, pixels);
        CollectionAssert.AreEqual(TestImages.Pixels(1011 + 600_000), pixels);
        Assert.AreEqual(folder["train/class1/010.png"], one.BadFiles.Single().Path);
    }

    [TestMethod]
    public void Open_RepositorySample_IsBalancedAndWhole()
    {
        using var data = ImageDataset.Open(KnownTests.SamplePath());
        Assert.IsEmpty(data.BadFiles);
        Assert.IsEmpty(data.Warnings);
        Assert.AreEqual((8000, 2000), (data.Train.Count, data.Test!.Count));
        Assert.IsTrue(data.Train.ClassCounts().All(c => c == 800) && data.Test.ClassCounts().All(c => c == 200));
        Assert.AreEqual("airplane automobile bird cat deer dog frog horse ship truck", string.Join(' ', data.Classes));
    }

    [TestMethod]
    public void Open_BadFile_CanFail()
    {
        using var folder = new TestFolder().AddPictures("", 2, 3).Add("class0/zero.png", []);
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder.Root, new() { Spec = s_spec, OnBadImage = OnBadImage.Fail }));
        Assert.AreEqual(folder["class0/zero.png"], e.Path);
        Assert.AreEqual(ErrorKind.Data, e.Kind);
    }

    [TestMethod]
    public void Open_OnlyBadFiles_IsNamed()
    {
        using var folder = new TestFolder().Add("a/1.jpg", "b/1.jpg");
        Assert.AreEqual("MNC1018", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder.Root)).Code);
    }

    [TestMethod]
    public void Open_LargeFile_IsListedUnread()
    {
        using var folder = new TestFolder().AddPictures("", 2, 3).Add("class0/large.png", new byte[5000]);
        using var data = ImageDataset.Open(folder.Root, new() { Spec = s_spec, Files = new() { MaxFileBytes = 1000 } });
        Assert.AreEqual("MNC1012", data.BadFiles.Single().Code);
        Assert.AreEqual(6, data.Train.Count);
    }

    [TestMethod]
    public void Open_NoPermission_IsListed()
    {
        if (OperatingSystem.IsWindows())
            return;
        if (Environment.UserName == "root")
            Assert.Inconclusive("Permissions do not bind this user.");
        using var folder = new TestFolder().AddPictures("", 2, 3);
        File.SetUnixFileMode(folder["class0/000.png"], UnixFileMode.None);
        using var data = ImageDataset.Open(folder.Root, new() { Spec = s_spec });
        Assert.AreEqual("MNC1011", data.BadFiles.Single().Code);
    }

    [TestMethod]
    public void Open_Archive_EqualsTheFolder()
    {
        using var folder = new TestFolder().AddPictures("in/train/", 3, 20).AddPictures("in/test/", 3, 4);
        using (var gzip = new System.IO.Compression.GZipStream(File.Create(folder["in.tgz"]), System.IO.Compression.CompressionLevel.Fastest))
            System.Formats.Tar.TarFile.CreateFromDirectory(folder["in"], gzip, includeBaseDirectory: true);
        System.IO.Compression.ZipFile.CreateFromDirectory(folder["in"], folder["in.zip"]);
        using var expected = ImageDataset.Open(folder["in"], new() { Spec = s_spec });
        foreach (var archive in new[] { "in.tgz", "in.zip" })
        {
            using var data = ImageDataset.Open(folder[archive], new() { Spec = s_spec, Threads = 3 });
            Assert.AreEqual(expected.Train.ContentHash(), data.Train.ContentHash());
            Assert.AreEqual(expected.Test!.ContentHash(), data.Test!.ContentHash());
        }
    }

    [TestMethod]
    public void Open_Progress_EndsWithTheTotal()
    {
        using var folder = new TestFolder().AddPictures("", 2, 10);
        var last = default(LoadProgress);
        using var data = ImageDataset.Open(folder.Root, new() { Spec = s_spec }, new Direct(p => last = p));
        Assert.AreEqual(new LoadProgress(20, 20, 0), last);
    }

    [TestMethod]
    public void Open_Cancelled_Throws()
    {
        using var folder = new TestFolder().AddPictures("", 2, 10);
        Assert.ThrowsExactly<OperationCanceledException>(() => ImageDataset.Open(folder.Root, new() { Spec = s_spec }, null, new CancellationToken(true)));
    }

    [TestMethod]
    public void Create_BytesAndStreams_SortsLikeAFolder()
    {
        var images = new List<LabelledImage>
        {
            LabelledImage.FromBytes("2", "b", TestImages.Png(2)),
            new("1", "b", () => new MemoryStream(TestImages.Png(1))),
            LabelledImage.FromBytes("3", "a", TestImages.Png(3)),
            LabelledImage.FromBytes("4", "a", [1, 2]),
            new("5", "a", () => throw new IOException("gone")),
            LabelledImage.FromBytes("6", "b", TestImages.Png(6), DatasetSplit.Test),
        };
        using var data = ImageDataset.Create(images, new() { Spec = s_spec });
        CollectionAssert.AreEqual(new[] { "3", "1", "2" }, Enumerable.Range(0, 3).Select(data.Train.Name).ToArray());
        CollectionAssert.AreEqual(new[] { "4", "5" }, data.BadFiles.Select(b => b.Path).ToArray());
        Assert.AreEqual(1, data.Test!.Label(0));
        images.Add(LabelledImage.FromBytes("7", "c", [], DatasetSplit.Test));
        Assert.AreEqual("MNC1006", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Create(images)).Code);
        Assert.AreEqual("MNC1003", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Create(Array.Empty<LabelledImage>())).Code);
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Create_LargeFiles_AreReadWhole(bool onDemand)
    {
        // Larger than the buffer that reading begins with, and given in pieces.
        var pixels = new byte[300 * 200 * 3];
        new Random(1).NextBytes(pixels);
        byte[] file = [.. "P6\n300 200\n255\n"u8, .. pixels];
        var spec = new PreprocessSpec { Width = 300, Height = 200 };
        LabelledImage[] images = [new("1", "a", () => new Pieces(file)), LabelledImage.FromBytes("2", "b", file)];
        using var data = ImageDataset.Create(images, new() { Spec = spec, DecodeOnDemand = onDemand });
        Assert.IsEmpty(data.BadFiles);
        var read = new byte[pixels.Length];
        for (var i = 0; i < 2; i++)
        {
            data.Train.CopyPixels(i, read);
            CollectionAssert.AreEqual(pixels, read);
        }
    }

    sealed class Pieces(byte[] content) : MemoryStream(content)
    {
        public override int Read(byte[] buffer, int offset, int count) => base.Read(buffer, offset, Math.Min(count, 1000));
    }

    [TestMethod]
    public void Ensure_CutsASplitOnlyWhereThereIsNone()
    {
        var set = TestImages.Random(100);
        using var data = ImageDataset.Create(set, test: set.Subset([0, 1]));
        Assert.AreSame(data, data.Ensure(DatasetSplit.Test, 0.5, 0));
        var more = data.Ensure(DatasetSplit.Validation, 0.1, 0);
        Assert.AreEqual(100, more.Train.Count + more.Validation!.Count);
        Assert.AreEqual(10, more.Validation.Count, 2);
        Assert.AreEqual("MNC1019", Assert.ThrowsExactly<MlNetCifarException>(() => data.Get(DatasetSplit.Validation)).Code);
    }

    [TestMethod]
    public void Ensure_LeavesLoneImagesForTraining_AndSaysWhereNothingCanBeCut()
    {
        // One image of the last class: whatever the share, it is trained on.
        var set = new ImageSet(new byte[7 * 3], [0, 0, 0, 1, 1, 1, 2], 1, 1, 3, ["a", "b", "c"]);
        var cut = ImageDataset.Create(set).Ensure(DatasetSplit.Test, 0.9);
        Assert.AreEqual((3, 4, 0), (cut.Train.Count, cut.Test!.Count, cut.Test.ClassCounts()[2]));
        var lone = ImageDataset.Create(set.Subset([0, 3, 6]));
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => lone.Ensure(DatasetSplit.Validation, 0.5));
        Assert.AreEqual(("MNC1029", "No validation split can be cut from the training images: no class has two images. Add images, or go without the split."), (error.Code, $"{error.Reason} {error.Action}"));
    }

    [TestMethod]
    public void Write_BadFiles_IsOneObjectALine()
    {
        using var folder = new TestFolder();
        BadFile.Write([new("a \"b\".jpg", "MNC1203", "cut short"), new("ü.jpg", "MNC1011", "gone")], folder["bad.jsonl"]);
        var lines = File.ReadAllText(folder["bad.jsonl"]).Split('\n');
        Assert.HasCount(3, lines);
        Assert.AreEqual("{\"path\":\"ü.jpg\",\"code\":\"MNC1011\",\"reason\":\"gone\"}", lines[1]);
    }

    [TestMethod]
    public void Labels_RoundTripAndFaultsAreNamed()
    {
        using var folder = new TestFolder();
        LabelsFile.Write(["b", "a b", "ü"], folder["labels.txt"]);
        CollectionAssert.AreEqual(new[] { "b", "a b", "ü" }, LabelsFile.Read(folder["labels.txt"]).ToArray());
        CollectionAssert.AreEqual(new[] { "x", "y" }, LabelsFile.Read(folder.Text("crlf.txt", "\uFEFFx\r\ny\r\n")["crlf.txt"]).ToArray());
        Assert.AreEqual("MNC1022", Assert.ThrowsExactly<MlNetCifarException>(() => LabelsFile.Read(folder.Text("twice.txt", "x\nx\n")["twice.txt"])).Code);
        Assert.AreEqual("MNC1022", Assert.ThrowsExactly<MlNetCifarException>(() => LabelsFile.Read(folder.Text("gap.txt", "x\n\ny\n")["gap.txt"])).Code);
        Assert.AreEqual("MNC1011", Assert.ThrowsExactly<MlNetCifarException>(() => LabelsFile.Read(folder["none.txt"])).Code);
    }

    sealed class Direct(Action<LoadProgress> report) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => report(value);
    }
}
