using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

[TestClass]
public sealed class ManifestTests
{
    [TestMethod]
    public void Open_Csv_ReadsQuotesSplitsAndLabels()
    {
        using var folder = new TestFolder().Add("img/a,1.jpg", "img/2.jpg", "3.jpg");
        folder.Text("list.csv", "file_name,label,split\r\n\"img/a,1.jpg\",\"big \"\"cat\"\"\",train\r\nimg/2.jpg,dog,train\r\n3.jpg,dog,valid\r\n4.jpg,dog,test\r\n");
        using var catalog = ImageCatalog.Open(folder["list.csv"]);
        CollectionAssert.AreEqual(new[] { "big \"cat\"", "dog" }, catalog.Classes.ToArray());
        Assert.AreEqual("img/a,1.jpg", catalog.Images[0].Path);
        Assert.AreEqual(DatasetSplit.Validation, catalog.Images[2].Split);
        var bad = catalog.BadFiles.Single();
        Assert.AreEqual("MNC1013", bad.Code);
        StringAssert.Contains(bad.Reason, "row 5");
        Assert.AreEqual("3.jpg", System.Text.Encoding.UTF8.GetString(catalog.Read(catalog.Images[2])));
    }

    [TestMethod]
    public void Open_Csv_LooksAtNothingElseInItsFolder()
    {
        using var folder = new TestFolder().Add("1.jpg", "2.jpg", "deep/other.jpg").Text("list.csv", "file_name,label\n1.jpg,a\n2.jpg,b\n");
        using var catalog = ImageCatalog.Open(folder["list.csv"], new() { Store = new NoListing() });
        Assert.HasCount(2, catalog.Images);
    }

    [TestMethod]
    public void Open_Jsonl_WholeNumbersSortByValue()
    {
        using var folder = new TestFolder().Add("1.jpg", "2.jpg", "3.jpg");
        folder.Text("list.jsonl", """
            {"file_name": "1.jpg", "label": 10}
            {"file_name": "2.jpg", "label": 9}

            {"file_name": "3.jpg", "label": "2", "split": "train"}
            """);
        using var catalog = ImageCatalog.Open(folder["list.jsonl"]);
        CollectionAssert.AreEqual(new[] { "2", "9", "10" }, catalog.Classes.ToArray());
        CollectionAssert.AreEqual(new[] { "3.jpg", "2.jpg", "1.jpg" }, catalog.Images.Select(i => i.Path).ToArray());
    }

    [TestMethod]
    public void Open_HuggingFaceMetadata_InSplitFolders()
    {
        using var folder = new TestFolder().Add("train/1.jpg", "train/2.jpg", "test/1.jpg");
        folder.Text("train/metadata.csv", "file_name,label\n1.jpg,x\n2.jpg,y\n").Text("test/metadata.jsonl", "{\"file_name\":\"1.jpg\",\"label\":\"y\"}\n");
        using var catalog = ImageCatalog.Open(folder.Root);
        Assert.AreEqual("test/1.jpg", catalog.Of(DatasetSplit.Test).Single().Path);
        Assert.AreEqual(1, catalog.Of(DatasetSplit.Test).Single().Label);
        Assert.HasCount(2, catalog.Of(DatasetSplit.Train));
    }

    [TestMethod]
    [DataRow("thing,label\n1.jpg,a\n", "row 1")]
    [DataRow("1.jpg,a\n2.jpg,b\n", "row 1")]
    [DataRow("file_name,label\n1.jpg,\n", "row 2")]
    [DataRow("file_name,label\n1.jpg, \n", "row 2")]
    [DataRow("file_name,label\n,a\n", "row 2")]
    [DataRow("file_name,label\n1.jpg\n", "row 2")]
    [DataRow("file_name,label\n1.jpg,a\n\"1.jpg,b\n", "row 3")]
    [DataRow("file_name,label\n1.jpg,a\n1.jpg,b\n", "row 3")]
    [DataRow("file_name,label,split\n1.jpg,a,other\n", "row 2")]
    [DataRow("file_name,label\n../1.jpg,a\n", "row 2")]
    [DataRow("file_name,label\n/etc/1.jpg,a\n", "row 2")]
    [DataRow("", "row 1")]
    public void Open_WrongCsv_NamesTheRow(string text, string row)
    {
        using var folder = new TestFolder().Add("1.jpg").Text("list.csv", text);
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder["list.csv"]));
        Assert.AreEqual("MNC1014", e.Code);
        StringAssert.EndsWith(e.Path, row);
    }

    [TestMethod]
    [DataRow("image,class\n1.jpg,a\n2.jpg,b\n")]
    [DataRow("path,label\n1.jpg,a\n2.jpg,b\n")]
    [DataRow("label,filename\na,1.jpg\nb,2.jpg\n")]
    [DataRow("Image_Path;Category\n1.jpg;a\n2.jpg;b\n")]
    [DataRow("file\tlabel\n1.jpg\ta\n2.jpg\tb\n")]
    [DataRow(" file_name , label \n 1.jpg , a \n2.jpg,b\n")]
    [DataRow("\uFEFFfile_name,label\n1.jpg,a\n2.jpg,b\n")]
    [DataRow("file_name,label\n1.jpg,a\n2.jpg,b\n1.jpg,a\n")]
    [DataRow("file_name,label\nROOT/1.jpg,a\nROOT/2.jpg,b\n")]
    [DataRow("file_name;label\n\"1.jpg\";\"a\"\n2.jpg;b\n")]
    public void Open_CsvAsPeopleWriteIt_IsRead(string text)
    {
        using var folder = new TestFolder().Add("1.jpg", "2.jpg");
        folder.Text("list.csv", text.Replace("ROOT", folder.Root));
        using var catalog = ImageCatalog.Open(folder["list.csv"]);
        CollectionAssert.AreEqual(new[] { "a", "b" }, catalog.Classes.ToArray());
        CollectionAssert.AreEqual(new[] { "1.jpg", "2.jpg" }, catalog.Images.Select(i => i.Path).ToArray());
        Assert.HasCount(text.EndsWith("1.jpg,a\n", StringComparison.Ordinal) ? 1 : 0, catalog.Warnings);
    }

    [TestMethod]
    public void Open_UnknownHeader_SaysWhichAreKnown()
    {
        using var folder = new TestFolder().Add("1.jpg").Text("list.csv", "id,breed\n1,beagle\n");
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder["list.csv"]));
        StringAssert.Contains(e.Message, "'id,breed'");
        StringAssert.Contains(e.Message, "filename");
        StringAssert.Contains(e.Message, "category");
    }

    [TestMethod]
    public void Open_AllFilesMissing_NamesTheFirst()
    {
        using var folder = new TestFolder().Text("list.csv", "file_name,label\nphotos/1.jpg,a\nphotos/2.jpg,b\n");
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder["list.csv"]));
        Assert.AreEqual("MNC1028", e.Code);
        StringAssert.Contains(e.Message, "None of the 2 files");
        StringAssert.Contains(e.Message, "photos/1.jpg");
    }

    [TestMethod]
    [DataRow("{\"file_name\":\"1.jpg\"}")]
    [DataRow("[1]")]
    [DataRow("not json")]
    public void Open_WrongJsonl_NamesTheRow(string line)
    {
        using var folder = new TestFolder().Add("1.jpg").Text("list.jsonl", "{\"file_name\":\"1.jpg\",\"label\":\"a\"}\n" + line);
        var e = Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder["list.jsonl"]));
        Assert.AreEqual("MNC1014", e.Code);
        StringAssert.EndsWith(e.Path, "row 2");
    }

    [TestMethod]
    [DataRow("MNC1003", "file_name,label\n")]
    [DataRow("MNC1005", "file_name,label\n1.jpg,a\n")]
    [DataRow("MNC1006", "file_name,label,split\n1.jpg,a,train\n2.jpg,b,test\n")]
    [DataRow("MNC1007", "file_name,label,split\n1.jpg,a,test\n2.jpg,b,test\n")]
    public void Open_WrongSets_AreNamed(string code, string text)
    {
        using var folder = new TestFolder().Add("1.jpg", "2.jpg").Text("list.csv", text);
        Assert.AreEqual(code, Assert.ThrowsExactly<MlNetCifarException>(() => ImageCatalog.Open(folder["list.csv"])).Code);
    }

    [TestMethod]
    public void ParseCsv_AnyCells_RoundTrip()
    {
        var random = new Random(23);
        for (var round = 0; round < 500; round++)
        {
            var rows = Enumerable.Range(0, random.Next(1, 5)).Select(_ => Enumerable.Range(0, random.Next(2, 4)).Select(_ => Cell(random)).ToArray()).ToArray();
            var text = string.Concat(rows.Select(r => string.Join(',', r.Select(Quote)) + (random.Next(2) == 0 ? "\n" : "\r\n")));
            var parsed = ManifestTable.ParseCsv(random.Next(2) == 0 ? text : text.TrimEnd('\r', '\n'), "x");
            Assert.HasCount(rows.Length, parsed, text);
            for (var i = 0; i < rows.Length; i++)
                CollectionAssert.AreEqual(rows[i], parsed[i].Cells, text);
        }
    }

    sealed class NoListing : ForwardingStore
    {
        public override IEnumerable<StoredEntry> List(string folder) => throw new NotSupportedException();
    }

    static string Cell(Random random) => new([.. Enumerable.Range(0, random.Next(1, 5)).Select(_ => "ab,\" \n\rx"[random.Next(8)])]);

    static string Quote(string cell) => cell.AsSpan().IndexOfAny(",\"\n\r") >= 0 ? $"\"{cell.Replace("\"", "\"\"")}\"" : cell;
}
