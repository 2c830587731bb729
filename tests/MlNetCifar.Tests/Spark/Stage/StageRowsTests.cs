using MlNetCifar.Files;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Tests.Spark.Stage;

/// <summary>Images that are rows of Parquet files.</summary>
[TestClass]
public sealed class StageRowsTests
{
    static StageInput Input(params string[] paths)
    {
        var rows = new FileListing.Builder();
        foreach (var path in paths)
            rows.Add(path, path.Length);
        return StageInput.OfRows("packed", rows);
    }

    [TestMethod]
    [DataRow("hdfs://host:9000/data/")]
    [DataRow("file:/data/")]
    [DataRow("/data/")]
    public void WholeAddresses_AreRelativeToTheFolderOfAll(string root)
    {
        using var input = Input(root + "train/dog/2.jpg", root + "train/cat/10.jpg", root + "test/cat/1.jpg");
        CollectionAssert.AreEqual(new[] { "train/cat/10.jpg", "train/dog/2.jpg", "test/cat/1.jpg" }, input.Catalog.Images.Select(i => i.Path).ToArray());
        CollectionAssert.AreEqual(new[] { "cat", "dog" }, input.Catalog.Classes.ToArray());
        Assert.AreEqual(root + "train/dog/2.jpg", input.RowPath("train/dog/2.jpg"));
        Assert.AreEqual((root + "train/dog/2.jpg").Length, input.Catalog.List.Length(1));
    }

    [TestMethod]
    public void RelativePaths_StayAsTheyAre()
    {
        using var input = Input("a/x/1.jpg", "b/y/1.jpg");
        CollectionAssert.AreEqual(new[] { "a/x/1.jpg", "b/y/1.jpg" }, input.Catalog.Images.Select(i => input.RowPath(i.Path)).ToArray());
        Assert.AreEqual("a/x/1.jpg", input.Catalog.Images[0].Path);
    }

    [TestMethod]
    public void PathThatComesTwice_IsNamedWhole()
    {
        var fault = Assert.ThrowsExactly<MlNetCifarException>(() => Input("/d/x/1.jpg", "/d/y/1.jpg", "/d/x/1.jpg"));
        Assert.AreEqual("MNC6049", fault.Code);
        StringAssert.Contains(fault.Message, "/d/x/1.jpg");
    }

    [TestMethod]
    public void Rows_AreNotReadHere()
    {
        using var input = Input("a/1.jpg", "b/1.jpg");
        Assert.ThrowsExactly<NotSupportedException>(() => input.Catalog.Read(input.Catalog.Images[0]));
    }
}
