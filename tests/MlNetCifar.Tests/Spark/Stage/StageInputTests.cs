using MlNetCifar.Files;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Data;

namespace MlNetCifar.Tests.Spark.Stage;

[TestClass]
public sealed class StageInputTests
{
    [TestMethod]
    [DataRow(true, 2, "_SUCCESS", "part-0.parquet", "part-1.parquet")]
    [DataRow(true, 3, "_SUCCESS", "label=cat/", "label=cat/part-0.PARQUET", "label=dog/")]
    [DataRow(true, 2, "README.md", "part-0.parquet")]
    [DataRow(false, 4, "labels.txt", "train/", "train/cat/", "train/cat/1.jpg", "train/cat/2.jpg", "train/cat/3.jpg")]
    [DataRow(false, 2, "X_part_00000.npy", "manifest.json")]
    [DataRow(false, 0)]
    public void TheFirstImageOrParquetFile_SaysWhatAFolderHolds(bool isParquet, int listed, params string[] entries)
    {
        using var folder = new Pictures();
        var store = new Listing(entries);
        Assert.AreEqual(isParquet, StageInput.IsParquetFolder(folder.Root, store));
        Assert.AreEqual(listed, store.Listed);
    }

    [TestMethod]
    public void OfAMissingFolder_OnlyTheNameTells()
    {
        using var folder = new Pictures();
        Assert.IsTrue(StageInput.IsParquetFolder(folder["missing.parquet"], LocalFileStore.Instance));
        Assert.IsFalse(StageInput.IsParquetFolder(folder["missing"], LocalFileStore.Instance));
    }

    sealed class Listing(string[] entries) : ForwardingStore
    {
        public int Listed { get; private set; }

        public override IEnumerable<StoredEntry> List(string folder)
        {
            foreach (var entry in entries)
            {
                Listed++;
                yield return new(entry.TrimEnd('/'), 1, entry.EndsWith('/'));
            }
        }
    }
}
