using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

[TestClass]
public sealed class SearchSpaceTests
{
    [TestMethod]
    public void Parse_ReadsRangesAndNames()
    {
        var space = SearchSpace.Parse("learning-rate=1e-4..1e-2:log", "batch-size=16..128:log", "dropout=0.1..0.6", "preset=seed-cnn,advanced-cnn", "flip=none,random");
        Assert.AreEqual("learning-rate=0.0001..0.01:log batch-size=16..128:log dropout=0.1..0.6 preset=seed-cnn,advanced-cnn flip=none,random", space.ToString());
        CollectionAssert.AreEqual(new[] { false, true, false, false, false }, space.Parameters.Select(p => p.IsInteger).ToArray());
        Assert.AreEqual("0.001", space.Parameters[0].At(0.5));
    }

    [TestMethod]
    [DataRow("learning-rate", "MNC3201")]
    [DataRow("learning-rate=a..b", "MNC3201")]
    [DataRow("learning-rate=adam:log", "MNC3201")]
    [DataRow("learning-rate=1e-2..1e-4", "MNC3202")]
    [DataRow("learning-rate=0.1..0.1", "MNC3202")]
    [DataRow("weight-decay=0..0.1:log", "MNC3202")]
    [DataRow("learning-rate=-1..1", "MNC3202")]
    [DataRow("learning-rate=0..1", "MNC3202")]
    [DataRow("dropout=0.5..1", "MNC3202")]
    [DataRow("momentum=0.5..1", "MNC3202")]
    [DataRow("filters=0..8", "MNC3202")]
    [DataRow("batch-size=8.5..16", "MNC3202")]
    [DataRow("batch-size=8..Infinity", "MNC3202")]
    [DataRow("optimizer=0..1", "MNC3202")]
    [DataRow("optimizer=adam", "MNC3202")]
    [DataRow("optimizer=adam,adam", "MNC3202")]
    [DataRow("optimizer=adam,muno", "MNC3202")]
    [DataRow("epochs=0,5", "MNC3202")]
    [DataRow("preset=seed-cnn,resnet", "MNC3202")]
    [DataRow("preset=seed-cnn,auto", "MNC3202")]
    [DataRow("augment=none,much", "MNC3202")]
    [DataRow("learning-rat=1e-4..1e-2", "MNC3204")]
    [DataRow("seed=1,2", "MNC3204")]
    [DataRow("size=32,64", "MNC3204")]
    [DataRow("time-budget=60..120", "MNC3204")]
    public void Parse_NamesWhatIsWrong(string text, string code)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => SearchSpace.Parse(text));
        Assert.AreEqual(code, error.Code, error.Message);
        StringAssert.Contains(error.Message, text.Split('=')[0]);
    }

    [TestMethod]
    public void Parse_AnswersASlip() => StringAssert.Contains(
        Assert.ThrowsExactly<MlNetCifarException>(() => SearchSpace.Parse("learning-rat=1e-4..1e-2")).Message, "Did you mean 'learning-rate'?");

    [TestMethod]
    public void Space_HasEachParameterOnce() =>
        Assert.AreEqual("MNC3203", Assert.ThrowsExactly<MlNetCifarException>(() => SearchSpace.Parse("dropout=0.1..0.2", "dropout=0.3..0.4")).Code);

    [TestMethod]
    public void Load_ReadsEveryForm()
    {
        using var folder = new TestFolder();
        var path = folder.Write("space.json", """
            { "learning-rate": { "min": 1e-4, "max": 1e-2, "log": true }, "dropout": "0.1..0.6", "preset": ["seed-cnn", "advanced-cnn"], "batch-size": [16, 32] }
            """);
        Assert.AreEqual("learning-rate=0.0001..0.01:log dropout=0.1..0.6 preset=seed-cnn,advanced-cnn batch-size=16,32", SearchSpace.Load(path).ToString());
    }

    [TestMethod]
    [DataRow("[]", "MNC3205")]
    [DataRow("{", "MNC3205")]
    [DataRow("""{ "dropout": 1 }""", "MNC3205")]
    [DataRow("""{ "dropout": { "min": 0.1 } }""", "MNC3205")]
    [DataRow("""{ "dropout": { "min": 0.1, "max": 0.5, "step": 0.1 } }""", "MNC3205")]
    [DataRow("""{ "dropout": { "min": 0.1, "max": 0.5, "log": 1 } }""", "MNC3205")]
    [DataRow("""{ "dropot": "0.1..0.5" }""", "MNC3204")]
    [DataRow("{}", "MNC3203")]
    public void Load_NamesWhatIsWrong(string text, string code)
    {
        using var folder = new TestFolder();
        Assert.AreEqual(code, Assert.ThrowsExactly<MlNetCifarException>(() => SearchSpace.Load(folder.Write("space.json", text))).Code);
    }

    [TestMethod]
    public void EveryPreset_HasASpace()
    {
        foreach (var preset in Architectures.Names)
            Assert.IsGreaterThanOrEqualTo(4, SearchSpace.For(preset).Parameters.Length, preset);
        Assert.AreEqual("MNC2004", Assert.ThrowsExactly<MlNetCifarException>(() => SearchSpace.For("none")).Code);
    }

    [TestMethod]
    public void Values_LieInRange_AndLeadBack() => Prop.ForAll(Spaces.Parameters().ToArbitrary(), Gen.Choose(0, 1_000_000).ToArbitrary(), (parameter, millionths) =>
    {
        var unit = millionths / 1e6;
        var text = parameter.At(unit);
        var back = parameter.UnitOf(text);
        Assert.AreEqual(text, parameter.At(back), $"{parameter} at {unit}");

        // Rounding, or half a cell of finitely many values: of whole numbers by ratio the first cell is the largest.
        var cell = parameter.IsChoice || parameter.IsInteger ? 1 : 1e-3;
        Assert.IsLessThanOrEqualTo(cell, Math.Abs(back - unit), $"{parameter} at {unit}");
        if (!parameter.IsChoice)
            Assert.IsTrue(double.Parse(text, System.Globalization.CultureInfo.InvariantCulture) is var value && value >= parameter.Minimum && value <= parameter.Maximum);
    }).Check(Config.QuickThrowOnFailure.WithMaxTest(500));

    [TestMethod]
    public void WholeNumbers_AreEquallyLikely()
    {
        var parameter = SearchParameter.Integer("n", 1, 5);
        var counts = Enumerable.Range(0, 1000).Select(i => parameter.At((i + 0.5) / 1000)).GroupBy(text => text).ToDictionary(group => group.Key, group => group.Count());
        Assert.HasCount(5, counts);
        Assert.IsTrue(counts.Values.All(count => count is >= 199 and <= 201), string.Join(' ', counts.Values));
    }
}

/// <summary>Spaces for tests.</summary>
static class Spaces
{
    /// <summary>Parameters of every kind.</summary>
    public static Gen<SearchParameter> Parameters() => Gen.OneOf(
        from low in Gen.Choose(-1000, 1000) from width in Gen.Choose(1, 1000) select SearchParameter.Number("x", low / 10.0, (low + width) / 10.0),
        from low in Gen.Choose(1, 1000) from width in Gen.Choose(1, 1000) select SearchParameter.Number("x", low * 1e-5, (low * 1e-5) + width, logarithmic: true),
        from low in Gen.Choose(-50, 50) from width in Gen.Choose(1, 300) select SearchParameter.Integer("n", low, low + width),
        from low in Gen.Choose(1, 64) from width in Gen.Choose(1, 5000) select SearchParameter.Integer("n", low, low + width, logarithmic: true),
        from count in Gen.Choose(2, 6) select SearchParameter.Choice("c", [.. Enumerable.Range(0, count).Select(i => $"name{i}")]));

    /// <summary>One to six parameters.</summary>
    public static Gen<SearchSpace> Any() =>
        from count in Gen.Choose(1, 6)
        from parameters in Parameters().ArrayOf(count)
        select new SearchSpace(parameters.Select((p, i) => Named(p, $"p{i}")));

    static SearchParameter Named(SearchParameter p, string name) => p.IsChoice ? SearchParameter.Choice(name, p.Choices)
        : p.IsInteger ? SearchParameter.Integer(name, (int)p.Minimum, (int)p.Maximum, p.IsLogarithmic) : SearchParameter.Number(name, p.Minimum, p.Maximum, p.IsLogarithmic);
}
