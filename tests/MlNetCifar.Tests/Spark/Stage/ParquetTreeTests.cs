using MlNetCifar.Files;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Tests.Spark.Stage;

[TestClass]
public sealed class ParquetTreeTests
{
    static ParquetTree Tree(params string[] paths)
    {
        var rows = new FileListing.Builder();
        foreach (var path in paths)
            rows.Add(path, path.Length);
        return new("packed", rows);
    }

    [TestMethod]
    [DataRow("hdfs://host:9000/data/")]
    [DataRow("file:/data/")]
    [DataRow("/data/")]
    public void WholeAddresses_AreRelativeToTheFolderOfAll(string root)
    {
        using var tree = Tree(root + "train/dog/2.jpg", root + "train/cat/10.jpg", root + "test/cat/1.jpg");
        CollectionAssert.AreEqual(new[] { "test/cat/1.jpg", "train/cat/10.jpg", "train/dog/2.jpg" }, tree.Files.Select(f => f.Path).ToArray());
        CollectionAssert.AreEqual(new[] { "test", "test/cat", "train", "train/cat", "train/dog" }, tree.Folders.ToArray());
        Assert.AreEqual(root + "train/dog/2.jpg", tree.RowPath(tree.Files[2].Path));
        Assert.AreEqual((root + "train/dog/2.jpg").Length, tree.Files[2].Length);
    }

    [TestMethod]
    public void RelativePaths_StayAsTheyAre()
    {
        using var tree = Tree("a/x/1.jpg", "a/y/1.jpg");
        CollectionAssert.AreEqual(new[] { "a/x/1.jpg", "a/y/1.jpg" }, tree.Files.Select(f => tree.RowPath(f.Path)).ToArray());
        Assert.AreEqual("a/x/1.jpg", tree.Files[0].Path);
    }

    [TestMethod]
    public void PathThatComesTwice_IsNamedWhole()
    {
        var fault = Assert.ThrowsExactly<MlNetCifarException>(() => Tree("/d/x/1.jpg", "/d/y/1.jpg", "/d/x/1.jpg"));
        Assert.AreEqual("MNC6049", fault.Code);
        StringAssert.Contains(fault.Message, "/d/x/1.jpg");
    }
}
