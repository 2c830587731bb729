using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Data.Listing;

[TestClass]
public sealed class ImageListTests
{
    static FileListing Files(int count)
    {
        var files = new FileListing.Builder();
        for (var i = 0; i < count; i++)
            files.Add($"{i % 3}/{i:D5}.jpg", i);
        return files.Build();
    }

    static ImageList List(FileListing files, IEnumerable<ImageRef> images)
    {
        var builder = new ImageList.Builder(files);
        foreach (var image in images)
            builder.Add(image.File, image.Label, image.Split);
        return builder.Build();
    }

    // What the list replaces: one object an image, compared by its path.
    static ImageRef[] Sorted(IEnumerable<ImageRef> images) => [.. images.OrderBy(i => i.Split).ThenBy(i => i.Label).ThenBy(i => i.Path, StringComparer.Ordinal)];

    static ImageRef[] Draw(FileListing files, int seed, int classes, bool train)
    {
        var random = new System.Random(seed);
        var images = Enumerable.Range(0, files.Count).Where(_ => random.Next(4) > 0)
            .Select(i => new ImageRef(files[i].Path, random.Next(classes), train ? DatasetSplit.Train : (DatasetSplit)random.Next(3)) { File = i }).ToArray();
        random.Shuffle(images);
        return images;
    }

    static void Check(Func<int, int, int, bool> property) =>
        Prop.ForAll((from count in Gen.Choose(0, 200) from seed in Gen.Choose(0, int.MaxValue - 1) from classes in Gen.Elements(1, 3, 1 << 30) select (count, seed, classes)).ToArbitrary(), c => property(c.count, c.seed, c.classes))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(200));

    [TestMethod]
    public void Build_AnyImages_AreInTheOrderOfSplitClassAndPath() => Check((count, seed, classes) =>
    {
        var files = Files(count);
        var images = Draw(files, seed, classes, train: false);
        var list = List(files, images);
        var expected = Sorted(images);
        return list.SequenceEqual(expected)
            && expected.Select((image, i) => (image.File, image.Label, image.Split, image.Path) == (list.File(i), list.Label(i), list.Split(i), list.Path(i)) && list.Length(i) == files.Length(image.File)).All(same => same);
    });

    [TestMethod]
    public void Of_AnySplit_IsItsPart() => Check((count, seed, classes) =>
    {
        var list = List(Files(count), Draw(Files(count), seed, classes, train: false));
        return Enum.GetValues<DatasetSplit>().All(split => list.Of(split).SequenceEqual(list.Where(i => i.Split == split)))
            && list.BySplit().SelectMany(s => s.Images).SequenceEqual(list) && list.BySplit().All(s => s.Images.Count > 0 && s.Images.All(i => i.Split == s.Split));
    });

    [TestMethod]
    public void Assign_AnyFractions_CutsAsByPath() => Check((count, seed, classes) =>
    {
        classes = Math.Min(classes, 5);
        var images = Draw(Files(count), seed, classes, train: true);
        var options = new ShardOptions { Seed = (ulong)seed, TestFraction = seed % 3 * 0.2, ValidationFraction = seed % 5 * 0.1 };
        var expected = Cut(Sorted(images), DatasetSplit.Test, options.TestFraction, options.Seed);
        expected = Cut(expected, DatasetSplit.Validation, options.ValidationFraction / (1 - options.TestFraction), options.Seed);
        return CatalogSplits.Assign(List(Files(count), images), options).SequenceEqual(expected);
    });

    [TestMethod]
    public void Items_OfTooLongFiles_HaveNoLength()
    {
        var list = List(Files(3), Enumerable.Range(0, 3).Select(i => new ImageRef("", 7, DatasetSplit.Test) { File = i }));
        CollectionAssert.AreEqual(new ShardItem[] { new("0/00000.jpg", 7, 0), new("1/00001.jpg", 7, 1), new("2/00002.jpg", 7, -1) }, CatalogSplits.Items(list, limit: 1).ToArray());
        Assert.AreEqual(2, CatalogSplits.Items(list)[2].Length);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => CatalogSplits.Items(list)[3]);
    }

    [TestMethod]
    public void Plan_AnyItems_AreDealtOnceAndKeyedByLabelLengthAndName() => Check((count, seed, classes) =>
    {
        var random = new System.Random(seed);
        var items = Enumerable.Range(0, count).Select(i => new ShardItem($"{i} é中\uD800{new string('x', random.Next(400))}", random.Next(classes), random.NextInt64() - (random.NextInt64() / 2))).ToArray();
        var options = new ShardOptions { Seed = (ulong)seed, Parts = 1 + (seed % 4) };
        var plan = ShardPlan.Create(items, options);
        var order = Enumerable.Range(0, count).ToArray();
        new SplitRandom(options.Seed, RandomPurpose.Split, ulong.MaxValue).Shuffle<int>(order);
        var copies = ShardPlan.Create([.. items.Select(i => i with { })], options);
        return plan.Parts.SelectMany(p => p).SequenceEqual(order) && plan.Keys.SequenceEqual(copies.Keys)
            && Enumerable.Range(0, plan.Parts.Count).All(p => plan.ItemsOf(p).SequenceEqual(plan.Parts[p].Select(i => items[i])))
            && (count == 0 || ShardPlan.Create([items[0] with { Name = items[0].Name + "x" }, .. items.Skip(1)], options).Keys.Zip(plan.Keys, (a, b) => a == b).Count(same => !same) == 1);
    });

    [TestMethod]
    public void Plan_OfGivenItems_HasTheKeyItAlwaysHad()
    {
        ShardItem[] items = [new("a/é中😀.png", 0, 1), new($"b/{new string('x', 300)}.png", 1, -1), new("c/\uD800.png", 12, long.MaxValue)];
        Assert.AreEqual("ed764392bb7e3a00dfda07b2c6f41c0cc3e19031a653935335f8808d762778af", string.Join(',', ShardPlan.Create(items, new() { Spec = new() { Width = 8, Height = 8 } }).Keys));
    }

    static ImageRef[] Cut(ImageRef[] images, DatasetSplit split, double fraction, ulong seed)
    {
        if (fraction == 0)
            return images;
        var train = images.Where(i => i.Split == DatasetSplit.Train).ToArray();
        var labels = Array.ConvertAll(train, i => i.Label);
        var (part, _) = StratifiedSplit.Split(labels, labels.DefaultIfEmpty(-1).Max() + 1, fraction, seed);
        var moved = part.Select(i => train[i].Path).ToHashSet(StringComparer.Ordinal);
        return Sorted(images.Select(i => moved.Contains(i.Path) ? i with { Split = split } : i));
    }
}
