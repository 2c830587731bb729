using System.Reflection;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tests.Experiments;

/// <summary>The tables of options against the options themselves.</summary>
[TestClass]
public sealed class OptionTableTests
{
    /// <summary>Texts of defaults that explain instead of naming a value.</summary>
    static readonly string[] s_explained =
    [
        "all cores", "as --augment", "as the preset", "by time alone", "32; arrays and shards as they are", "what the model's calibration says, if it has one",
        "test where there is one, else all images", "179m, less on a small machine", "its own", "twice the workers", "on, unless all are on this machine", "as many as --workers",
    ];

    /// <summary>Values that differ from every default.</summary>
    static readonly Dictionary<OptionKind, string> s_examples = new()
    {
        [OptionKind.Flag] = "true", [OptionKind.Text] = "other", [OptionKind.Integer] = "3", [OptionKind.Number] = "0.125", [OptionKind.Duration] = "1h30m",
        [OptionKind.Bytes] = "3m", [OptionKind.Size] = "48x24", [OptionKind.Address] = "http://localhost:5000",
    };

    static IEnumerable<OptionDescription> All =>
        ExperimentTable.All.Descriptions.Concat(TrainingTable.All.Descriptions).Concat(EvaluationTable.All.Descriptions).Distinct();

    [TestMethod]
    public void EveryProperty_IsDescribedOrLeftOutOnPurpose()
    {
        Check<TrainingOptions>(TrainingTable.Steps.All.Select(b => b.Property), "Augmentation");
        Check<Augmentation>(TrainingTable.Changes.All.Select(b => b.Property));
        Check<EvaluationExperimentOptions>(EvaluationTable.All.All.Select(b => b.Property));
        var pictures = ExperimentTable.OfPictures.Select(o => ExperimentTable.All.Find(o)!.Property).ToArray();
        Check<PreprocessSpec>(
            pictures.Where(name => name != "Size"), "Width", "Height", "ShorterSide", "PadColor", "ApplyOrientation", "ScaledDecoding", "ScaledDecodingVersion");
        Check<ExperimentOptions>(
            ExperimentTable.All.All.Select(b => b.Property).Except(pictures.Where(name => name != "Size")), "Preprocess", "Network", "Training", "Adjust", "Report");

        static void Check<T>(IEnumerable<string> described, params string[] leftOut) => CollectionAssert.AreEquivalent(
            typeof(T).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite).Select(p => p.Name).Except(leftOut).ToArray(),
            described.ToArray(), typeof(T).Name);
    }

    [TestMethod]
    public void Names_AreThoseOfTheProperties()
    {
        Dictionary<string, string> others = new() { ["ValidationSplit"] = "val-split", ["CacheFolder"] = "cache", ["Channels"] = "grey", ["TensorBoard"] = "tensorboard" };
        foreach (var (name, property) in Bindings())
            Assert.AreEqual(others.GetValueOrDefault(property) ?? OptionText.Kebab(property), name);
    }

    [TestMethod]
    public void Defaults_AreThoseOfTheProperties()
    {
        var recipe = Recipes.For("seed-cnn") with { Augmentation = Augmentation.None };
        foreach (var binding in TrainingTable.All.All)
            Assert.AreEqual(binding.Get(recipe), binding.Description.Default, binding.Property);
        foreach (var binding in ExperimentTable.All.All.Where(b => b.Property != "Size"))
            Assert.AreEqual(binding.Get(new ExperimentOptions { Preprocess = new() }), binding.Description.Default, binding.Property);
        foreach (var binding in EvaluationTable.All.All)
            Assert.AreEqual(binding.Get(new EvaluationExperimentOptions()), binding.Description.Default, binding.Property);
    }

    [TestMethod]
    public void DefaultTexts_AreReadAsTheDefaults()
    {
        foreach (var option in All.Where(o => o.DefaultText is not null && !s_explained.Contains(o.DefaultText)))
            Assert.AreEqual(option.Default, option.Read(option.DefaultText!), option.Name);
        foreach (var text in s_explained)
            Assert.IsTrue(All.Any(o => o.DefaultText == text), $"'{text}' explains nothing any more");
    }

    [TestMethod]
    public void Values_AreWrittenReadAndKept()
    {
        Check(ExperimentTable.All, new ExperimentOptions());
        Check(EvaluationTable.All, new EvaluationExperimentOptions());

        static void Check<T>(OptionTable<T> table, T before)
            where T : new()
        {
            foreach (var binding in table.All)
            {
                var option = binding.Description;
                var value = option.Default is bool given ? !given : option.Read(option.Kind == OptionKind.Choice ? option.Choices[^1] : s_examples[option.Kind]);
                var after = binding.Set(before, value);
                Assert.AreNotEqual(before, after, option.Name);
                Assert.AreEqual(value, binding.Get(after), option.Name);
                Assert.AreEqual(value, option.Read(OptionText.Of(value)), option.Name);
            }
        }
    }

    [TestMethod]
    public void Choices_AreTheNamesThatAreRead()
    {
        Assert.AreEqual(15, All.Count(o => o.Kind == OptionKind.Choice));
        foreach (var option in All.Where(o => o.Kind == OptionKind.Choice))
            CollectionAssert.AreEqual(option.Choices.ToArray(), option.Choices.Select(name => OptionText.Of(option.Read(name))).ToArray(), option.Name);
    }

    [TestMethod]
    public void Ranges_AreThoseOfTheOptions()
    {
        foreach (var (name, text) in TrainingOptions.Ranges.Select(r => (r.Name, r.Text)))
            Assert.AreEqual(text, TrainingTable.Steps.All.Single(b => b.Property == name).Description.Range, name);
        foreach (var (name, text) in Augmentation.Ranges.Select(r => (r.Name, r.Text)))
            Assert.AreEqual(text, TrainingTable.Changes.All.Single(b => b.Property == name).Description.Range, name);
        foreach (var (name, text) in ExperimentOptions.Ranges.Select(r => (r.Name, r.Text)))
            Assert.AreEqual(text, ExperimentTable.All.All.Single(b => b.Property == name).Description.Range, name);
        foreach (var (name, text) in EvaluationExperimentOptions.Ranges.Select(r => (r.Name, r.Text)))
            Assert.AreEqual(text, EvaluationTable.All.All.Single(b => b.Property == name).Description.Range, name);
        Assert.AreEqual((0.0, 1.0), (TrainingTable.All.Find<float>("momentum").Minimum, TrainingTable.All.Find<float>("momentum").Maximum));
    }

    [TestMethod]
    [DataRow("epochs", "0", "--epochs is 0, expected at least 1", "Epochs is 0, expected at least 1")]
    [DataRow("learning-rate", "-1", "--learning-rate is -1, expected above 0", "LearningRate is -1, expected above 0")]
    [DataRow("brightness", "1.5", "--brightness is 1.5, expected 0 … 1", "Brightness is 1.5, expected 0 … 1")]
    public void Faults_AreToldByTheNameThatTheCallerUsed(string option, string text, string asOption, string asProperty)
    {
        var binding = TrainingTable.All.All.Single(b => b.Description.Name == option);
        var wrong = binding.Set(new(), binding.Description.Read(text));
        StringAssert.Contains(Assert.ThrowsExactly<MlNetCifarException>(() => TrainingTable.Check(wrong, asOptions: true)).Message, asOption);
        StringAssert.Contains(Assert.ThrowsExactly<MlNetCifarException>(() => TrainingTable.Check(wrong, asOptions: false)).Message, asProperty);
    }

    [TestMethod]
    public void None_IsWrittenByItsName_SinceARecipeMayHaveAnotherDefault()
    {
        using var stream = new MemoryStream();
        OptionFile.Write(stream, "train", [(ExperimentTable.CacheLimit, null), (ExperimentTable.MemoryLimit, null), (ExperimentTable.Resize, null), (ExperimentTable.Size, null)]);
        var text = System.Text.Encoding.UTF8.GetString(stream.ToArray());
        StringAssert.Contains(text, "\"cache-limit\": \"none\"");
        StringAssert.Contains(text, "\"memory-limit\": \"none\"");
        StringAssert.Contains(text, "\"resize\": null");
        StringAssert.Contains(text, "\"size\": null");
    }

    static IEnumerable<(string Name, string Property)> Bindings() =>
        ExperimentTable.All.All.Select(b => (b.Description.Name, b.Property)).Concat(TrainingTable.All.All.Select(b => (b.Description.Name, b.Property)))
            .Concat(EvaluationTable.All.All.Select(b => (b.Description.Name, b.Property)));
}
