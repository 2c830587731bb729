using MlNetCifar.Nn;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Training;

/// <summary>Sources that cannot stand beside one another, or hold too little.</summary>
[TestClass]
public sealed class SourceCheckTests
{
    static readonly TrainingOptions s_options = new() { Epochs = 1, BatchSize = 8, Threads = 1 };

    [TestMethod]
    [DataRow("cat,cow,ship", "found 3 classes, expected 3; unknown: cow; missing: dog")]
    [DataRow("dog,cat,ship", "the same classes in another order: found dog, cat, ship; expected cat, dog, ship")]
    [DataRow("cat,Dog,ship", "the class 'Dog' is called 'dog' there: names differ in case")]
    public void Fit_OtherClassesOfTheSameNumber_AreNamed(string names, string difference)
    {
        var error = Fault(Named("cat,dog,ship"), Named(names));
        Assert.AreEqual("MNC3003", error.Code);
        StringAssert.Contains(error.Message, difference);
        error = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Create(Named("cat,dog,ship"), test: Named(names)));
        Assert.AreEqual("MNC1033", error.Code);
        StringAssert.Contains(error.Message, difference);
        using var model = Model();
        error = Assert.ThrowsExactly<MlNetCifarException>(() => model.Evaluate(Named(names)));
        Assert.AreEqual("MNC4008", error.Code);
        StringAssert.Contains(error.Message, difference);
    }

    [TestMethod]
    public void Create_OfOtherSizes_IsRefused()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Create(Named("cat,dog,ship"), new ImageSet(new byte[3 * 48], [0, 1, 2], 4, 4, 3, ["cat", "dog", "ship"])));
        Assert.AreEqual("MNC1033", error.Code);
        StringAssert.Contains(error.Message, "found images of 4×4×3; expected 8×8×3");
    }

    [TestMethod]
    public void Fit_EmptySources_AreNamed()
    {
        var images = TinyData.Balanced(3, 4);
        Assert.AreEqual("MNC3006", Fault(images.Subset([]), null).Code);
        var error = Fault(images, images.Subset([]));
        Assert.AreEqual(("MNC3006", "There is no validation image. Add images, or train without validation: give null."), (error.Code, error.Message));
        Assert.AreEqual("MNC3006", Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(TinyData.Network(3), s_options).FindLearningRate(images.Subset([]))).Code);
    }

    [TestMethod]
    public void Classes_OfOneName_AreRefused()
    {
        Assert.ThrowsExactly<ArgumentException>(() => Named("cat,cat,ship"));
        Assert.ThrowsExactly<ArgumentException>(() => Named("cat,,ship"));
        Assert.AreEqual("MNC3003", Fault(new Renamed(Named("cat,dog,ship"), ["cat", "cat", "ship"]), null).Code);
        Assert.ThrowsExactly<ArgumentException>(() => Evaluator.Evaluate([0, 1, 2], [1, 0, 0, 0, 1, 0, 0, 0, 1], ["cat", "cat", "ship"]));
    }

    [TestMethod]
    public void Fit_MoreOverfitBatchesThanThereAre_TrainsOnAll()
    {
        using var result = new Trainer(TinyData.Network(3), s_options with { OverfitBatches = 2_000_000_000 }).Fit(TinyData.Balanced(3, 8));
        Assert.AreEqual(3, result.Steps);
    }

    [TestMethod]
    public void Fit_OneImageAClass_Trains()
    {
        using var result = new Trainer(TinyData.Network(3), s_options).Fit(TinyData.Balanced(3, 1));
        Assert.AreEqual(1, result.Steps);
    }

    [TestMethod]
    public void Fit_NormalisationOfOneValue_NamesTheLayer()
    {
        var network = TinyData.Network(3, new Flatten(), new Linear(8), new BatchNorm(), new Activation(ActivationKind.Relu));
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(network, s_options with { BatchSize = 1 }).Fit(TinyData.Balanced(3, 4)));
        Assert.AreEqual("MNC3007", error.Code);
        StringAssert.StartsWith(error.Message, "Layer 6 (batch_norm) would normalise one value a channel");

        // Maps of several pixels have a deviation, and frozen statistics need none.
        new Trainer(TinyData.Network(3, new BatchNorm()), s_options with { BatchSize = 1 }).Fit(TinyData.Balanced(3, 4)).Dispose();
        new Trainer(network, s_options with { BatchSize = 1, Groups = [new("bn*") { Frozen = true }] }).Fit(TinyData.Balanced(3, 4)).Dispose();
    }

    [TestMethod]
    public void Score_OfOneImage_StopsAtACancelledToken()
    {
        using var model = SmallModel.Create();
        Assert.ThrowsExactly<OperationCanceledException>(() => model.Score(SmallModel.Images(1), cancellation: new(canceled: true)));
    }

    static ImageSet Named(string names)
    {
        var images = TinyData.Balanced(3, 4);
        return new(images.Pixels.ToArray(), images.Labels.ToArray(), TinyData.Side, TinyData.Side, 3, names.Split(','));
    }

    static ImageClassifier Model()
    {
        using var result = new Trainer(TinyData.Network(3), s_options).Fit(Named("cat,dog,ship"));
        return result.ToClassifier(new PreprocessSpec { Width = TinyData.Side, Height = TinyData.Side });
    }

    static MlNetCifarException Fault(ImageSource train, ImageSource? validation) =>
        Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(TinyData.Network(3), s_options).Fit(train, validation));

    sealed class Renamed(ImageSource source, IReadOnlyList<string> classes) : WrappedImages(source)
    {
        public override IReadOnlyList<string> Classes => classes;
    }
}
