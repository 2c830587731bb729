using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Parquet;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data;

/// <summary>Parquet files of pictures, opened like archives.</summary>
[TestClass]
public sealed class ParquetDatasetTests
{
    static readonly (string, Type)[] s_packed = [("path", typeof(string)), ("length", typeof(long)), ("content", typeof(byte[]))];
    static readonly (string, Type)[] s_labelled = [("content", typeof(byte[])), ("label", typeof(long))];

    [ClassInitialize]
    public static void Register(TestContext context) => ParquetImages.Register();

    static string Write(TestFolder folder, string name, IReadOnlyList<(string, Type)> columns, IEnumerable<object?[]> rows)
    {
        Write(folder.Write(name, []), columns, rows);
        return folder[name];
    }

    /// <summary>Packs the files of a folder.</summary>
    internal static void Pack(string folder, string path) => Write(path, s_packed, Pack(folder));

    static void Write(string path, IReadOnlyList<(string, Type)> columns, IEnumerable<object?[]> rows)
    {
        using var stream = File.Create(path);
        using var forward = new ForwardStream(stream);
        WriteAsync().GetAwaiter().GetResult();

        async Task WriteAsync()
        {
            await using var writer = await ParquetRowWriter.CreateAsync(forward, columns);
            foreach (var row in rows)
                await writer.AddAsync(row);
        }
    }

    static IEnumerable<object?[]> Pack(string folder) => Directory.GetFiles(folder, "*", SearchOption.AllDirectories)
        .Select(file => new object?[] { Path.GetRelativePath(folder, file), new FileInfo(file).Length, File.ReadAllBytes(file) });

    static object?[][] Labelled(int count, Func<int, object?> label, int number = 0) => [.. Enumerable.Range(0, count).Select(i => new[] { TestImages.Png(number + i), label(i) })];

    static MlNetCifarException Refused(string path) => Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(path).Dispose());

    static byte[] Pixels(ImageSource source)
    {
        var length = source.Width * source.Height * source.Channels;
        var pixels = new byte[source.Count * length];
        for (var i = 0; i < source.Count; i++)
            source.CopyPixels(i, pixels.AsSpan(i * length, length));
        return pixels;
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void PackedFolder_IsTheFolder(bool onDemand)
    {
        using var folder = new TestFolder();
        folder.AddPictures("photos/train/", 3, 5).AddPictures("photos/test/", 3, 2);
        var parquet = Write(folder, "photos.parquet", s_packed, Pack(folder["photos"]).Reverse());
        using var files = ImageDataset.Open(folder["photos"]);
        using var rows = ImageDataset.Open(parquet, new() { DecodeOnDemand = onDemand });
        CollectionAssert.AreEqual(files.Classes.ToArray(), rows.Classes.ToArray());
        foreach (var split in new[] { DatasetSplit.Train, DatasetSplit.Test })
        {
            Assert.AreEqual(files.Get(split).Count, rows.Get(split).Count);
            CollectionAssert.AreEqual(Pixels(files.Get(split)), Pixels(rows.Get(split)));
            Assert.AreEqual(files.Get(split).Name(1), rows.Get(split).Name(1));
        }
    }

    [TestMethod]
    public void Folder_OfParquetFiles_IsOneDataset()
    {
        using var folder = new TestFolder();
        Write(folder, "data/train-00000-of-00002.parquet", s_labelled, Labelled(4, i => (long)(i % 2)));
        Write(folder, "data/train-00001-of-00002.parquet", s_labelled, Labelled(4, i => (long)(i % 2), 100));
        Write(folder, "data/test-00000-of-00001.parquet", s_labelled, Labelled(2, i => (long)(i % 2), 200));
        folder.Text("data/README.md", "# about").Text("data/_SUCCESS", "");
        using (var copied = FileTree.Open(folder["data"]))
            Assert.HasCount(5, copied.Files);
        using var data = ImageDataset.Open(folder["data"]);
        Assert.AreEqual((8, 2), (data.Get(DatasetSplit.Train).Count, data.Get(DatasetSplit.Test).Count));
        CollectionAssert.AreEqual(new[] { "0", "1" }, data.Classes.ToArray());
        CollectionAssert.AreEqual(new[] { 0, 0, 0, 0, 1, 1, 1, 1 }, Enumerable.Range(0, 8).Select(i => data.Get(DatasetSplit.Train).Label(i)).ToArray());
    }

    [TestMethod]
    public void Label_AsText_IsTheClass()
    {
        using var folder = new TestFolder();
        (string, Type)[] columns = [("label", typeof(string)), ("content", typeof(byte[])), ("path", typeof(string))];
        var rows = Labelled(6, i => i % 3 == 0 ? "für" : "cat").Select((r, i) => new[] { r[1], r[0], i == 2 ? null : $"{i}.png" });
        using var data = ImageDataset.Open(Write(folder, "a.parquet", columns, rows));
        CollectionAssert.AreEqual(new[] { "cat", "für" }, data.Classes.ToArray());
        Assert.AreEqual(6, data.Get(DatasetSplit.Train).Count);
    }

    [TestMethod]
    public void RowGroups_AreReadOneByOne_AndFoundAgain()
    {
        using var folder = new TestFolder();

        // 40 contents of a megabyte make three groups.
        var rows = Enumerable.Range(0, 40).Select(i => new object?[] { $"class{i % 2}/{i:D2}.png", (long)(1 << 20), Filled(i) });
        using var tree = FileTree.Open(Write(folder, "large.parquet", s_packed, rows));
        byte[] buffer = [];
        Assert.HasCount(40, tree.Files);
        foreach (var file in new[] { 39, 0, 20, 1, 38 })
        {
            Assert.AreEqual(1 << 20, tree.Read(file, ref buffer));
            Assert.AreEqual(int.Parse(Path.GetFileNameWithoutExtension(tree.Files[file].Path)), buffer[12345]);
        }

        var seen = new HashSet<int>();
        using var cursor = tree.ReadAll([.. Enumerable.Range(0, 40)]);
        while (cursor.TryRead(ref buffer, out var file, out var length, out var fault))
        {
            Assert.IsNull(fault);
            Assert.AreEqual(int.Parse(Path.GetFileNameWithoutExtension(tree.Files[file].Path)), buffer[length - 1]);
            seen.Add(file);
        }

        Assert.HasCount(40, seen);
    }

    static byte[] Filled(int value)
    {
        var bytes = new byte[1 << 20];
        bytes.AsSpan().Fill((byte)value);
        return bytes;
    }

    [TestMethod]
    public void Faults_NameColumnAndRow()
    {
        using var folder = new TestFolder();
        Assert.AreEqual("MNC1050", Refused(folder.Write("text.parquet", "no such thing")).Code);
        Assert.AreEqual("MNC1050", Refused(folder.Write("empty.parquet", "")).Code);
        var error = Refused(Write(folder, "columns.parquet", [("a", typeof(string)), ("b", typeof(long))], [["x", 1L]]));
        Assert.AreEqual("MNC1051", error.Code);
        StringAssert.Contains(error.Message, "'a', 'b'");
        error = Refused(Write(folder, "type.parquet", [("content", typeof(string)), ("label", typeof(long))], [["x", 1L]]));
        Assert.AreEqual("MNC1052", error.Code);
        StringAssert.Contains(error.Message, "'content'");
        Assert.AreEqual("MNC1052", Refused(Write(folder, "double.parquet", [("content", typeof(byte[])), ("label", typeof(double))], [[TestImages.Png(1), 1.0]])).Code);
        error = Refused(Write(folder, "null.parquet", s_labelled, Labelled(5, i => i == 3 ? null : 1L)));
        Assert.AreEqual("MNC1053", error.Code);
        StringAssert.Contains(error.Message, "Row 3 of the column 'label' is empty");
        error = Refused(Write(folder, "content.parquet", s_labelled, Labelled(5, i => (long)(i % 2)).Select((r, i) => i == 4 ? [null, r[1]] : r)));
        StringAssert.Contains(error.Message, "Row 4 of the column 'content' is empty");
        error = Refused(Write(folder, "slash.parquet", [("content", typeof(byte[])), ("label", typeof(string))], Labelled(2, i => i == 0 ? "a" : "b/c")));
        StringAssert.Contains(error.Message, "Row 1 of the column 'label' is 'b/c'");
        Assert.AreEqual("MNC1054", Refused(Write(folder, "alone.parquet", [("content", typeof(byte[]))], [[TestImages.Png(1)]])).Code);
        Assert.AreEqual("MNC1056", Refused(Write(folder, "twice.parquet", s_packed, [["a/1.png", 1L, TestImages.Png(1)], ["a/1.png", 1L, TestImages.Png(2)]])).Code);
        Assert.AreEqual("MNC1010", Refused(Write(folder, "escape.parquet", s_packed, [["a/../../1.png", 1L, TestImages.Png(1)], ["b/1.png", 1L, TestImages.Png(2)]])).Code);
    }

    [TestMethod]
    public void Mutations_AreNamedErrorsOrDatasets() => Fuzz(TimeSpan.Zero, 1);

    /// <summary>Long, as some files keep a thread of this process busy to its end.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    public void ManyMutations_AreNamedErrorsOrDatasets() => Fuzz(Fuzzing.SlowTime, Environment.TickCount);

    static void Fuzz(TimeSpan time, int seed)
    {
        using var folder = new TestFolder();
        folder.AddPictures("photos/", 2, 4);
        byte[][] corpus =
        [
            File.ReadAllBytes(Write(folder, "a.parquet", s_packed, Pack(folder["photos"]))),
            File.ReadAllBytes(Write(folder, "b.parquet", s_labelled, Labelled(8, i => (long)(i % 2)))),
        ];
        var random = new Random(seed);
        var (opened, refused) = (0, 0);
        var longest = TimeSpan.Zero;
        for (var clock = System.Diagnostics.Stopwatch.StartNew(); clock.Elapsed < time || opened + refused < 40;)
        {
            var file = corpus[random.Next(corpus.Length)].ToArray();

            // The end describes everything else, so that changes there tell most.
            for (var change = random.Next(1, 5); change > 0; change--)
                file[random.Next(2) == 0 ? random.Next(file.Length) : file.Length - 1 - random.Next(Math.Min(file.Length, 600))] = (byte)random.Next(256);
            if (random.Next(8) == 0)
                file = file[random.Next(file.Length)..];
            folder.Write("mutated.parquet", file);
            var start = clock.Elapsed;
            if (Opens(folder["mutated.parquet"]))
                opened++;
            else
                refused++;
            longest = clock.Elapsed - start > longest ? clock.Elapsed - start : longest;
        }

        Console.WriteLine($"{opened} opened, {refused} refused, the longest took {longest.TotalSeconds:0.0} s (seed {seed})");
        Assert.IsGreaterThan(0, opened);
        Assert.IsGreaterThan(0, refused);
    }

    static bool Opens(string path)
    {
        try
        {
            using var data = ImageDataset.Open(path, new() { Threads = 1 });
            return true;
        }
        catch (MlNetCifarException)
        {
            return false;
        }
    }

    /// <summary>What HDFS gives to write to: no way back.</summary>
    sealed class ForwardStream(Stream inner) : Stream
    {
        long _written;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _written;

        public override long Position { get => _written; set => throw new NotSupportedException(); }

        public override void Write(byte[] buffer, int offset, int count)
        {
            inner.Write(buffer, offset, count);
            _written += count;
        }

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
