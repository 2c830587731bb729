using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Files;

namespace MlNetCifar.Tests.Data.Listing;

[TestClass]
public sealed class FileListingTests
{
    static readonly string[] s_letters = ["a", "b", "-", " ", ".", "0", "é", "ÿ", "Ā", "中", "\uE000", "Ａ", "😀", "\uD800", "\uDFFF"];

    static Gen<string> Paths =>
        from parts in Gen.Choose(1, 3).SelectMany(n => Gen.ArrayOf(Gen.Choose(1, 3).SelectMany(m => Gen.ArrayOf(Gen.Elements(s_letters), m)), n))
        select string.Join('/', parts.Select(p => string.Concat(p)));

    static Gen<StoredEntry[]> Files =>
        from paths in Gen.ArrayOf(Paths)
        from seed in Gen.Choose(0, int.MaxValue - 1)
        let random = new System.Random(seed)
        select paths.Distinct(StringComparer.Ordinal).Select(p => new StoredEntry(p, random.NextInt64() >> random.Next(64))).ToArray();

    static FileListing Build(IEnumerable<StoredEntry> files)
    {
        var builder = new FileListing.Builder();
        foreach (var file in files)
            builder.Add(file.Path, file.Length);
        return builder.Build();
    }

    static StoredEntry[] Sorted(IEnumerable<StoredEntry> files) => [.. files.OrderBy(f => f.Path, StringComparer.Ordinal)];

    static void Check(Func<StoredEntry[], bool> property) => Prop.ForAll(Files.ToArbitrary(), property).Check(Config.QuickThrowOnFailure.WithMaxTest(300));

    [TestMethod]
    public void Build_AnyFiles_AreInOrdinalOrderWithTheirLengths() => Check(files =>
    {
        var listing = Build(files);
        return listing.SequenceEqual(Sorted(files)) && Enumerable.Range(0, listing.Count).All(i => listing[i].Length == listing.Length(i));
    });

    [TestMethod]
    public void IndexOf_AnyPath_IsItsPosition() => Check(files =>
    {
        var listing = Build(files.Skip(1));
        return files.Take(1).All(f => listing.IndexOf(f.Path) == -1) && Enumerable.Range(0, listing.Count).All(i => listing.IndexOf(listing[i].Path) == i);
    });

    [TestMethod]
    public void StartingWith_AnyFolder_IsWhatLiesBelow() => Check(files =>
    {
        var listing = Build(files);
        var folders = files.Select(f => f.Path[..(f.Path.LastIndexOf('/') + 1)]).Append("");
        return folders.All(folder =>
        {
            var below = listing.StartingWith(folder).ToArray();
            return below.All(f => listing[f.Index].Path == f.Path)
                && below.Select(f => f.Path).SequenceEqual(listing.Select(f => f.Path).Where(p => p.StartsWith(folder, StringComparison.Ordinal)));
        });
    });

    [TestMethod]
    public void Within_AnyDepth_LeavesOutWhatLiesDeeper() => Check(files =>
    {
        var listing = Build(files);
        return Enumerable.Range(0, 3).All(depth =>
            listing.Within(depth).SequenceEqual(Enumerable.Range(0, listing.Count).Where(i => listing[i].Path.Count(c => c == '/') <= depth)));
    });

    [TestMethod]
    public void BuildFromRoot_AnyFiles_TakesOffTheFolderThatAllLieIn() => Check(files =>
    {
        const string Root = "hdfs://host:9000/data/";
        var builder = new FileListing.Builder();
        foreach (var file in files)
            builder.Add(Root + file.Path, file.Length);
        var listing = builder.Build(fromRoot: true);
        var root = listing.Root;
        var inRoot = listing.Any(f => !f.Path.Contains('/'));
        var first = listing.Select(f => f.Path[..(f.Path.IndexOf('/') + 1)]).Distinct().Count();
        return (files.Length == 0 ? root.Length == 0 : root.StartsWith(Root, StringComparison.Ordinal)) && (listing.Count == 0 || inRoot || first > 1)
            && listing.Select(f => f with { Path = root + f.Path }).SequenceEqual(Sorted(files.Select(f => f with { Path = Root + f.Path })));
    });

    [TestMethod]
    public void FirstRepeat_IsThePathThatComesTwice()
    {
        Assert.IsNull(Build([new("a/b", 1), new("a", 2), new("a/c", 1)]).FirstRepeat());
        Assert.AreEqual("a/中", Build([new("a/中", 1), new("a/b", 2), new("a/中", 3)]).FirstRepeat());
    }

    [TestMethod]
    public void Build_MoreThanAChunkHolds_KeepsEveryName()
    {
        var files = Enumerable.Range(0, 60_000).Select(i => new StoredEntry($"folder {i % 300}/{i * 7919L % 60_013:D40}{(i % 2 == 0 ? "" : "中")}.jpg", i)).ToList();
        files.Insert(30_000, new(new string('x', 1_500_000) + ".jpg", 1));
        files.Insert(30_001, new(new string('中', 700_000) + ".jpg", 2));
        CollectionAssert.AreEqual(Sorted(files), Build(files).ToArray());
    }

    [TestMethod]
    [DoNotParallelize]
    public void Build_ManyFiles_HoldsLittleMoreThanTheirNames()
    {
        const int Count = 300_000;
        var before = GC.GetTotalMemory(forceFullCollection: true);
        var listing = Build(Enumerable.Range(0, Count).Select(i => new StoredEntry($"train/class_{i % 10}/image_{i:D7}.jpg", 20_000)));
        var bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        Assert.IsLessThan(40 * Count, bytes);
        Assert.HasCount(Count, listing);
    }
}
