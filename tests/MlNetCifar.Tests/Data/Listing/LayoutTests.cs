using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data.Listing;

/// <summary>Folders as people name them.</summary>
[TestClass]
public sealed class LayoutTests
{
    [TestMethod]
    [DataRow("Training", "Testing", null)]
    [DataRow("training_set", "test_set", null)]
    [DataRow("seg_train", "seg_test", null)]
    [DataRow("train-images", "test-images", "val-images")]
    [DataRow("TRAIN", "TEST", "VALIDATION")]
    [DataRow("trainset", "testset", "valset")]
    [DataRow("train2017", "test2017", "val2017")]
    [DataRow("training data", "testing data", "dev")]
    public void Open_SplitsUnderOtherNames_AreSplits(string train, string test, string? validation)
    {
        using var folder = new TestFolder().Add($"{train}/cat/1.jpg", $"{train}/dog/1.jpg", $"{test}/cat/1.jpg", $"{test}/dog/1.jpg");
        if (validation is not null)
            folder.Add($"{validation}/cat/1.jpg", $"{validation}/dog/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, catalog.Classes.ToArray());
        Assert.HasCount(2, catalog.Of(DatasetSplit.Train));
        Assert.HasCount(2, catalog.Of(DatasetSplit.Test));
        Assert.HasCount(validation is null ? 0 : 2, catalog.Of(DatasetSplit.Validation));
        Assert.IsEmpty(catalog.Warnings);
    }

    [TestMethod]
    public void Open_TrainingAndValidation_AreSplits()
    {
        using var folder = new TestFolder().Add("training/cat/1.jpg", "training/dog/1.jpg", "validation/cat/1.jpg", "validation/dog/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        Assert.HasCount(2, catalog.Classes);
        Assert.HasCount(2, catalog.Of(DatasetSplit.Validation));
    }

    [TestMethod]
    public void Open_SplitInsideItself_IsUnwrapped()
    {
        using var folder = new TestFolder().Add(
            "seg_train/seg_train/sea/1.jpg", "seg_train/seg_train/street/1.jpg", "seg_test/seg_test/sea/1.jpg", "seg_test/seg_test/street/1.jpg", "seg_pred/seg_pred/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        CollectionAssert.AreEqual(new[] { "sea", "street" }, catalog.Classes.ToArray());
        Assert.HasCount(2, catalog.Of(DatasetSplit.Test));
        StringAssert.Contains(catalog.Warnings.Single(), "seg_pred");
    }

    [TestMethod]
    [DataRow("photos/cat/1.jpg,photos/dog/1.jpg,README.txt", "photos")]
    [DataRow("a/b/train/cat/1.jpg,a/b/train/dog/1.jpg,a/b/test/cat/1.jpg", "a/b")]
    public void Open_OneFolderAroundAll_IsTheDataSet_AndIsTold(string files, string root)
    {
        using var folder = new TestFolder().Add(files.Split(','));
        using var catalog = ImageCatalog.Open(folder.Root);
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, catalog.Classes.ToArray());
        Assert.IsTrue(catalog.Warnings.Any(w => w.Contains($"everything lies in '{root}'", StringComparison.Ordinal)), string.Join('\n', catalog.Warnings));

        // As where Spark lists the files, which it reads from a few packed ones.
        var rows = new FileListing.Builder();
        foreach (var file in files.Split(','))
            rows.Add(file, 1);
        using var packed = ImageCatalog.Of("packed", rows.Build());
        CollectionAssert.AreEqual(catalog.Images.Select(i => (i.Path, i.Label, i.Split)).ToArray(), packed.Images.Select(i => (i.Path, i.Label, i.Split)).ToArray());
    }

    [TestMethod]
    [DataRow("cat/1.jpg,cat/indoor/2.jpg,cat/outdoor/3.jpg", null, DisplayName = "a class with images of its own")]
    [DataRow("cat/indoor/2.jpg,cat/outdoor/3.jpg", "cat", DisplayName = "a class that is asked for")]
    public void Open_TheOnlyClass_IsNoFolderAroundAll(string files, string? known)
    {
        using var folder = new TestFolder().Add(files.Split(','));
        var options = new ImageCatalogOptions { Tolerant = known is null, Classes = known is null ? null : [known, "dog"] };
        using var catalog = ImageCatalog.Open(folder.Root, options);
        Assert.IsTrue(catalog.Images.All(i => catalog.Classes[i.Label] == "cat"));
    }

    [TestMethod]
    [DataRow("train")]
    [DataRow("test")]
    [DataRow("dev")]
    public void Open_ClassCalledLikeASplit_IsAClass(string name)
    {
        using var folder = new TestFolder().Add("bus/1.jpg", "car/1.jpg", $"{name}/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        CollectionAssert.AreEqual(new[] { "bus", "car", name }, catalog.Classes.ToArray());
        Assert.HasCount(3, catalog.Of(DatasetSplit.Train));

        // As in CIFAR-100, in a split.
        using var both = new TestFolder().Add("train/bus/1.jpg", $"train/{name}/1.jpg", "test/bus/1.jpg", $"test/{name}/1.jpg");
        using var split = ImageCatalog.Open(both.Root);
        CollectionAssert.AreEqual(new[] { "bus", name }, split.Classes.ToArray());
        Assert.HasCount(2, split.Of(DatasetSplit.Test));
    }

    [TestMethod]
    public void Open_UnlabelledTestImages_AreToldOf()
    {
        using var folder = new TestFolder().Add("train/cat/1.jpg", "train/dog/1.jpg", "test1/1.jpg", "test1/2.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        Assert.HasCount(2, catalog.Images);
        StringAssert.Contains(catalog.Warnings.Single(), "test1");
    }

    [TestMethod]
    [DataRow("one/cat/1.jpg,one/dog/1.jpg,two/cat/1.jpg,two/dog/1.jpg")]
    [DataRow("a/x/1.jpg,a/y/1.jpg,b/x/1.jpg,b/y/1.jpg,c/x/1.jpg,c/y/1.jpg")]
    public void Open_FoldersWithTheSameSubfolders_AreRefused(string files)
    {
        using var folder = new TestFolder().Add(files.Split(','));
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder.Root));
        Assert.AreEqual("MNC1027", e.Code);
        StringAssert.Contains(e.Message, "seem to be parts");
    }

    [TestMethod]
    public void Open_ManyFoldersWithTheSameSubfolders_AreClassesWithAWarning()
    {
        using var folder = new TestFolder();
        foreach (var domain in "abcd")
            folder.Add($"{domain}/x/1.jpg", $"{domain}/y/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        Assert.HasCount(4, catalog.Classes);
        StringAssert.Contains(catalog.Warnings.Single(), "seem to be parts");
    }

    [TestMethod]
    [DataRow("cat/a/1.jpg,cat/b/1.jpg,dog/a/1.jpg,dog/b/1.jpg,dog/2.jpg", DisplayName = "own images")]
    [DataRow("cat/a/1.jpg,cat/b/1.jpg,dog/a/1.jpg,dog/c/1.jpg", DisplayName = "other subfolders")]
    [DataRow("cat/images/1.jpg,dog/images/1.jpg", DisplayName = "one subfolder each")]
    public void Open_ClassesWithSubfoldersOfTheirOwn_AreClasses(string files)
    {
        using var folder = new TestFolder().Add(files.Split(','));
        using var catalog = ImageCatalog.Open(folder.Root);
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, catalog.Classes.ToArray());
    }

    [TestMethod]
    [DataRow("1.jpg,2.jpg", "none in a class folder")]
    [DataRow("cat.0.jpg,cat.1.jpg,dog.0.jpg,dog.1.jpg", "--labels-from name")]
    [DataRow("train/cat.0.jpg,train/cat.1.jpg,train/dog.0.jpg,test1/1.jpg", "--labels-from name")]
    [DataRow("data_batch_1,batches.meta", "Python version")]
    [DataRow("train-images-idx3-ubyte,train-labels-idx1-ubyte", "MNIST")]
    [DataRow("train-images-idx3-ubyte.gz", "MNIST")]
    [DataRow("mnist.npz", "mnist.npz")]
    [DataRow("features.npy", "features.npy")]
    [DataRow("photos.zip", "photos.zip")]
    [DataRow("a/1.svg,a/2.svg,b/3.txt", "3 files (2 .svg, 1 .txt)")]
    [DataRow("train/a/1.txt,train/b/1.txt", "2 files (2 .txt)")]
    public void Open_WithoutImagesInFolders_SaysWhatIsThere(string files, string hint)
    {
        using var folder = new TestFolder().Add(files.Split(','));
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(folder.Root));
        Assert.AreEqual("MNC1003", e.Code);
        StringAssert.Contains(e.Message, hint);
    }

    [TestMethod]
    public void Open_LabelsFromNames_GroupsByThem()
    {
        using var folder = new TestFolder().Add("train/cat.0.jpg", "train/cat.1.jpg", "train/dog.0.jpg", "valid/dog.7.jpg", "test1/1.jpg", "test1/2.jpg");
        using var catalog = ImageCatalog.Open(folder.Root, new() { LabelsFrom = LabelSource.Name });
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, catalog.Classes.ToArray());
        CollectionAssert.AreEqual(new[] { 0, 0, 1 }, catalog.Of(DatasetSplit.Train).Select(i => i.Label).ToArray());
        Assert.AreEqual(1, catalog.Of(DatasetSplit.Validation).Single().Label);
        StringAssert.Contains(catalog.Warnings.Single(), "2 images have no class");
    }

    [TestMethod]
    [DataRow("cat.0.jpg", "cat")]
    [DataRow("a/b/cat_17.JPEG", "cat")]
    [DataRow("great_pyrenees_12.jpg", "great_pyrenees")]
    [DataRow("n01440764_10026.JPEG", "n01440764")]
    [DataRow("dog (3).png", "dog")]
    [DataRow("cat-front.jpg", "cat")]
    [DataRow("dog.jpg", "dog")]
    [DataRow("кот10.jpg", "кот")]
    [DataRow("1.jpg", null)]
    [DataRow("1 (2).jpg", null)]
    [DataRow("2021-03.jpg", null)]
    public void LabelOf_FileName(string name, string? label) => Assert.AreEqual(label, ImageNames.LabelOf(name));

    [TestMethod]
    public void Open_MetadataWithoutLabels_LeavesTheFoldersAsClasses()
    {
        foreach (var (name, text) in new[] { ("metadata.csv", "file_name,text\ncat/1.jpg,a cat\n"), ("metadata.csv", "id,width\n1,2\n"), ("metadata.jsonl", "{\"file_name\":\"cat/1.jpg\",\"text\":\"a cat\"}\n") })
        {
            using var folder = new TestFolder().Add("cat/1.jpg", "dog/1.jpg").Text(name, text);
            using var catalog = ImageCatalog.Open(folder.Root);
            CollectionAssert.AreEqual(new[] { "cat", "dog" }, catalog.Classes.ToArray());
            StringAssert.Contains(catalog.Warnings.Single(), name);
        }
    }

    [TestMethod]
    public void Open_EveryExtensionOfAnImage_Counts()
    {
        using var folder = new TestFolder();
        string[] extensions = [".jpg", ".JPEG", ".jpe", ".jfif", ".png", ".bmp", ".dib", ".gif", ".pbm", ".pgm", ".ppm", ".pnm", ".webp", ".tif", ".heic"];
        foreach (var extension in extensions)
            folder.Add($"a/1{extension}", $"b/1{extension}");
        using var catalog = ImageCatalog.Open(folder.Root);
        Assert.HasCount(2 * extensions.Length, catalog.Images);
        Assert.IsEmpty(catalog.Warnings);
    }

    [TestMethod]
    public void Open_OtherFilesAmongImages_AreCountedByKind()
    {
        using var folder = new TestFolder().Add("a/1.jpg", "a/1.txt", "a/2.txt", "b/1.jpg", "b/1.svg", "b/noext", "README.md", "a/.hidden", "a/Thumbs.db", "@eaDir/1.jpg", "a/@eaDir/1.jpg");
        using var catalog = ImageCatalog.Open(folder.Root);
        Assert.HasCount(2, catalog.Images);
        StringAssert.Contains(catalog.Warnings.Single(), "4 files (2 .txt, 1 without extension, 1 .svg)");
    }
}
