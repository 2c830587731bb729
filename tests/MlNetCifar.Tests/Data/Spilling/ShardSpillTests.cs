using System.Text;
using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Data.Spilling;

/// <summary>Parts too large for memory: the same files, by way of a temporary file that nothing leaves behind.</summary>
[TestClass]
public sealed class ShardSpillTests
{
    const int Pictures = 7;

    static readonly ShardOptions s_options = new() { Spec = new() { Width = 8, Height = 8 }, Threads = 1 };
    static readonly byte[][] s_png = [.. Enumerable.Range(0, Pictures).Select(i => TestImages.Png(i))];

    // A line break makes a name a JSON string; half a character is none.
    static string Line(string name) => name.Contains('\n') ? $"\"{name.Replace("\n", "\\n").Replace('\ud800', '\ufffd')}\"" : name;

    static string Name(int i) => i % 11 == 3 ? $"tier/{new string('ü', i % 200)}\n\ud800{i}.png" : $"tier/{i}.png";

    static IEnumerable<ShardInput> Inputs(int count, Func<int, bool> isBad) => Enumerable.Range(0, count).Select(i =>
        new ShardInput(Name(i), i % 3, () => isBad(i) ? i % 2 == 0 ? "x"u8.ToArray() : throw new IOException("gone") : s_png[i % Pictures]));

    static (string Json, byte[][] Files) Write(TestFolder folder, ShardPart part)
    {
        var info = part.Write(LocalFileStore.Instance, folder["out"], 0, "key", 3);
        return (info.ToJson(), [.. info.Files.Select(f => File.ReadAllBytes(folder[$"out/{f.Name}"]))]);
    }

    /// <summary>What the three files are to hold, said once more and plainly.</summary>
    static byte[][] Expected(int count, Func<int, bool> isBad, Normalization? scaling)
    {
        int[] good = [.. Enumerable.Range(0, count).Where(i => !isBad(i))];
        var pixels = good.SelectMany(i => TestImages.Pixels(i % Pictures));
        var stored = scaling is null ? pixels : pixels.SelectMany((b, i) => BitConverter.GetBytes(((b / 255f) - scaling.Mean[i % 3]) / scaling.Std[i % 3]));
        var labels = good.SelectMany(i => BitConverter.GetBytes((long)(i % 3)));
        return
        [
            [.. NpyHeader.Format(scaling is null ? "|u1" : "<f4", good.Length, 8, 8, 3), .. stored],
            [.. NpyHeader.Format("<i8", good.Length), .. labels],
            Encoding.UTF8.GetBytes(string.Concat(good.Select(i => Line(Name(i)) + "\n"))),
        ];
    }

    [TestMethod]
    [DataRow(1, false)]
    [DataRow(3, false)]
    [DataRow(1, true)]
    [DataRow(3, true)]
    public void Build_WritesTheSameFiles_InMemoryAndSpilled(int threads, bool normalized)
    {
        Assert.IsTrue(BitConverter.IsLittleEndian);
        using var folder = new TestFolder();
        var scaling = normalized ? TestImages.Normalization(3) : null;
        var options = s_options with { Threads = threads, Float32 = normalized, NormalizedBy = scaling };
        // More than two blocks; bad ones alone, in runs, and at both ends.
        const int count = 1000;
        static bool IsBad(int i) => i is 0 or 10 or (>= 340 and <= 344) or 500 or count - 1;
        using var inMemory = new ShardBuilder(options).Build(count, Inputs(count, IsBad));
        using var spilled = new ShardBuilder(options) { MemoryBytes = 0 }.Build(count, Inputs(count, IsBad));
        Assert.IsTrue(inMemory.Rows.Memory is not null && spilled.Rows.Memory is null);
        var expected = Write(folder, inMemory);
        var actual = Write(folder, spilled);
        AreEqual(Expected(count, IsBad, scaling), expected.Files);
        AreEqual(expected.Files, actual.Files);
        Assert.AreEqual(expected.Json, actual.Json);
        AreEqual(expected.Files, Write(folder, spilled).Files);
        CollectionAssert.AreEqual(Enumerable.Range(0, count).Where(IsBad).Select(Name).ToArray(), spilled.BadFiles.Select(b => b.Path).ToArray());
    }

    [TestMethod]
    public void Build_WritesTheSameFiles_AtAnyBound()
    {
        using var folder = new TestFolder();
        var cases =
            from count in Gen.Choose(0, 40)
            from memory in Gen.Choose(0, 41 * 192)
            from threads in Gen.Choose(1, 3)
            from bad in Gen.Choose(0, int.MaxValue - 1)
            select (count, memory, threads, bad);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            bool IsBad(int i) => (c.bad >> (i % 31) & 1) != 0;
            using var part = new ShardBuilder(s_options with { Threads = c.threads }) { MemoryBytes = c.memory }.Build(c.count, Inputs(c.count, IsBad));
            AreEqual(Expected(c.count, IsBad, null), Write(folder, part).Files);
        }).QuickCheckThrowOnFailure();
    }

    [TestMethod]
    public void Build_FromPictures_WritesTheSameFiles()
    {
        using var folder = new TestFolder();
        var source = TestImages.Random(900, classes: 3);
        int[] indices = [.. Enumerable.Range(0, 900).Reverse()];
        using var inMemory = new ShardBuilder(s_options).Build(source, indices);
        using var spilled = new ShardBuilder(s_options) { MemoryBytes = 1000 }.Build(source, indices);
        var expected = Write(folder, inMemory);
        var actual = Write(folder, spilled);
        AreEqual(expected.Files, actual.Files);
        Assert.AreEqual(expected.Json, actual.Json);
    }

    [TestMethod]
    public void Build_KeepsPartsOfTheDefaultSizeInMemory()
    {
        // One row beyond the bound, as the larger ones among equal parts may be.
        var builder = new ShardBuilder(s_options) { MemoryBytes = 192 * 10 };
        foreach (var (count, isInMemory) in new[] { (10, true), (11, false) })
        {
            using var part = builder.Build(count, Inputs(count, _ => false));
            Assert.AreEqual(isInMemory, part.Rows.Memory is not null, $"{count}");
        }

        Assert.AreEqual(new ShardOptions().TargetBytes, new ShardBuilder(s_options).MemoryBytes);
    }

    [TestMethod]
    public void Build_UsesTheMemoryOfARecycledPart()
    {
        using var folder = new TestFolder();
        var builder = new ShardBuilder(s_options);
        byte[]? chunk = null;
        foreach (var count in new[] { 7, 400, 3, 400 })
        {
            using var part = builder.Build(count, Inputs(count, i => i == 2));
            Assert.IsTrue(chunk is null || chunk == part.Rows.Memory![0]);
            chunk = part.Rows.Memory![0];
            AreEqual(Expected(count, i => i == 2, null), Write(folder, part).Files);
            builder.Recycle(part);
        }
    }

    [TestMethod]
    public void Part_LeavesNoFile_HoweverItEnds()
    {
        if (!Directory.Exists("/proc/self/fd"))
            Assert.Inconclusive("There is no /proc here.");
        using var folder = new TestFolder().Add("tmp/here");
        var builder = new ShardBuilder(s_options with { OnBadImage = OnBadImage.Fail, Threads = 2 }) { MemoryBytes = 0, TemporaryFolder = folder["tmp"] };
        using (var part = builder.Build(50, Inputs(50, _ => false)))
            Assert.AreEqual(2, OpenFiles(folder["tmp"]), "pixels and names");
        Assert.AreEqual(0, OpenFiles(folder["tmp"]));

        Assert.ThrowsExactly<MlNetCifarException>(() => builder.Build(50, Inputs(50, i => i == 30)));
        Assert.AreEqual(0, OpenFiles(folder["tmp"]), "a bad image");

        Assert.ThrowsExactly<InvalidOperationException>(() => builder.Build(50, Inputs(50, i => i == 30 ? throw new InvalidOperationException() : false)));
        Assert.AreEqual(0, OpenFiles(folder["tmp"]), "a fault of the input");

        using var cancellation = new CancellationTokenSource();
        var done = 0;
        Assert.ThrowsExactly<OperationCanceledException>(() => builder.Build(50, Inputs(50, _ => false), _ =>
        {
            if (Interlocked.Increment(ref done) == 20)
                cancellation.Cancel();
        }, cancellation.Token));
        Assert.AreEqual(0, OpenFiles(folder["tmp"]), "cancelled");
        CollectionAssert.AreEqual(new[] { folder["tmp/here"] }, Directory.GetFileSystemEntries(folder["tmp"]));
    }

    [TestMethod]
    public void Build_NamesTheTemporaryFolder_WhereItCannotBeWritten()
    {
        using var folder = new TestFolder();
        foreach (var (memory, what) in new[] { (0, "pixels"), (400, "names") })
        {
            var builder = new ShardBuilder(s_options) { MemoryBytes = memory, TemporaryFolder = folder["missing"] };
            var e = Assert.ThrowsExactly<MlNetCifarException>(() => builder.Build(3, Inputs(3, _ => false).Select(i => i with { Name = new string('a', 40) })), what);
            Assert.AreEqual(("MNC1025", ErrorKind.Failure), (e.Code, e.Kind));
            StringAssert.Contains(e.Message, folder["missing"]);
        }
    }

    [TestMethod]
    public void SpillStream_GivesBackWhatWasWritten()
    {
        var cases = from memory in Gen.Choose(0, 300) from lengths in Gen.Choose(0, 200).ListOf() from step in Gen.Choose(1, 250) select (memory, lengths, step);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            using var stream = new SpillStream(c.memory, Path.GetTempPath());
            var expected = new List<byte>();
            foreach (var length in c.lengths)
            {
                var bytes = Enumerable.Range(expected.Count, length).Select(i => (byte)(i * 7)).ToArray();
                stream.Write(bytes);
                expected.AddRange(bytes);
            }

            Assert.AreEqual(expected.Count, stream.Length);
            for (var pass = 0; pass < 2; pass++)
            {
                stream.Position = 0;
                var actual = new List<byte>();
                var block = new byte[c.step];
                for (int n; (n = stream.Read(block)) > 0;)
                    actual.AddRange(block.AsSpan(0, n));
                CollectionAssert.AreEqual(expected, actual);
            }
        }).QuickCheckThrowOnFailure();
    }

    static int OpenFiles(string folder) => Directory.GetFiles("/proc/self/fd").Count(f => Target(f).StartsWith(folder, StringComparison.Ordinal));

    static string Target(string link)
    {
        try
        {
            return new FileInfo(link).LinkTarget ?? "";
        }
        catch (IOException)
        {
            // Closed meanwhile by another test.
            return "";
        }
    }

    static void AreEqual(byte[][] expected, byte[][] actual)
    {
        Assert.AreEqual(expected.Length, actual.Length);
        for (var i = 0; i < expected.Length; i++)
            Assert.IsTrue(expected[i].AsSpan().SequenceEqual(actual[i]), $"file {i}: {expected[i].Length} and {actual[i].Length} bytes");
    }
}
