using MlNetCifar.Explain;
using MlNetCifar.Inference;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Onnx;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Inference;

/// <summary>Several models as one: its probabilities are the mean of theirs, whatever is done with it.</summary>
[TestClass]
public sealed class ModelEnsembleTests
{
    [TestMethod]
    public void Probabilities_AreTheMean()
    {
        using var a = SmallModel.Create(1);
        using var b = SmallModel.Create(2);
        using var c = Scaled(SmallModel.Create(3), new Normalization([0.1f, 0.6f, 0.3f], [0.5f, 0.1f, 0.3f]));
        AssertMean([a, b, c], [1, 1, 1], null);
        AssertMean([c, a, b], [0.2f, 3, 1], [0.2f, 3, 1]);
        AssertMean([a, c], [1, 4], [1, 0, 4], [a, b, c]);
    }

    [TestMethod]
    public void ModelsOfOtherArchitectures_AreTakenTogether()
    {
        using var a = OnnxExportTests.Random(Architectures.Create("seed-cnn", 16, 16, 3, 4), 1);
        using var b = OnnxExportTests.Random(Architectures.Create("resnet9", 16, 16, 3, 4), 2);
        AssertMean([a, b], [1, 1], null);
        using var both = ModelEnsemble.Average([a, b]);
        AssertMean([both, a], [1, 1], null);
        Assert.AreEqual("ensemble-2", both.Network.Name);
    }

    [TestMethod]
    public void OneOutputForTwoClasses_IsTheMeanOfSigmoids()
    {
        using var a = OnnxExportTests.Random(Architectures.Create("cats-dogs-cnn", 24, 20, 1, 2), 3);
        using var b = OnnxExportTests.Random(Architectures.Create("cats-dogs-cnn", 24, 20, 1, 2), 4);
        AssertMean([a, b], [1, 2], [1, 2]);
        using var model = ModelEnsemble.Average([a, b]);
        Assert.AreEqual("cats-dogs-cnn-ensemble-2", model.Network.Name);
    }

    [TestMethod]
    public void File_HoldsAllOfIt()
    {
        using var folder = new TestFolder();
        using var model = Create();
        model.Save(folder["e.safetensors"]);
        using var again = ImageClassifier.Load(folder["e.safetensors"]);
        Assert.AreEqual(model.Network, again.Network);
        Assert.AreEqual(model.WeightsSha256, again.WeightsSha256);
        CollectionAssert.AreEqual(model.Score(SmallModel.Images(9)), again.Score(SmallModel.Images(9)));
    }

    [TestMethod]
    public void PictureAlone_HasTheBitsItHasAmongOthers()
    {
        using var model = Create();
        var images = SmallModel.Images(7);
        var all = model.Score(images, threads: 2);
        for (var i = 0; i < images.Count; i++)
            CollectionAssert.AreEqual(all[(3 * i)..(3 * (i + 1))], model.Score(images.Subset([i]), threads: 1));
    }

    [TestMethod]
    public void Calibration_HalfPrecisionAndViews_AreThoseOfAnyModel()
    {
        using var model = Create();
        using var calibrated = model.Calibrate(SmallModel.Images(200));
        Assert.IsNotNull(calibrated.Calibration);
        Assert.AreEqual(model.WeightsSha256, calibrated.WeightsSha256);
        using var half = calibrated.ToHalfPrecision();
        CollectionAssert.AreNotEqual(model.Score(SmallModel.Images(5)), half.Score(SmallModel.Images(5)));
        foreach (var (whole, rounded) in model.Score(SmallModel.Images(50), views: TestTimeViews.Flip).Zip(half.Score(SmallModel.Images(50), views: TestTimeViews.Flip)))
            Assert.AreEqual(whole, rounded, 0.01);
    }

    [TestMethod]
    public void Explanation_IsTheSumOverMembers()
    {
        using var a = SmallModel.Create(1);
        using var b = SmallModel.Create(2);
        using var model = ModelEnsemble.Average([a, b]);
        var pixels = new byte[SmallModel.Images(1).ImageLength];
        SmallModel.Images(1).CopyPixels(0, pixels);
        using var all = new GradCam(model);
        Assert.AreEqual("ensemble1.member1.layer1.conv1, ensemble1.member2.layer1.conv1", all.Layer);
        var map = all.Explain(pixels)[0];
        Assert.AreEqual(model.Classes.IndexOf(model.Classify(SmallModel.Images(1), 0).Predictions[0].Label), map.Class);
        Assert.IsTrue(map.Values.Max() == 1);
        float[][] parts = [.. all.Layer.Split(", ").Select(name =>
        {
            using var one = new GradCam(model, name);
            return one.Explain(pixels, map.Class)[0].Values.ToArray();
        })];
        Assert.HasCount(2, parts);

        // Each is scaled to a largest value of 1: two factors say how much each is of the sum.
        var (first, second) = Fit(parts[0], parts[1], map.Values.ToArray());
        Assert.IsTrue(first >= -1e-4 && second >= -1e-4 && first + second > 0.5, $"{first}, {second}");
        for (var i = 0; i < parts[0].Length; i++)
            Assert.AreEqual(map.Values.ToArray()[i], (first * parts[0][i]) + (second * parts[1][i]), 1e-4);
    }

    [TestMethod]
    public void OtherClassesPreprocessingOrOutputs_AreNamed()
    {
        using var a = SmallModel.Create(1);
        using var renamed = new ImageClassifier(a.Weights.Clone(), ["a", "b", "d"], a.Preprocess, a.Normalization);
        using var prepared = new ImageClassifier(a.Weights.Clone(), a.Classes, a.Preprocess with { Median = 3 }, a.Normalization);
        using var image = new ImageClassifier(a.Weights.Clone(), a.Classes, a.Preprocess, Normalization.WithMeanImage([.. Enumerable.Range(0, 144).Select(i => i / 200f)], [1, 1, 1]));
        foreach (var (other, expected) in new[] { (renamed, "unknown: d; missing: ç"), (prepared, "median is 3 instead of 0"), (image, "mean image") })
        {
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => ModelEnsemble.Average([a, other]));
            Assert.AreEqual("MNC4011", error.Code);
            StringAssert.StartsWith(error.Reason, "Model 2 does not belong with model 1");
            StringAssert.Contains(error.Reason, expected);
        }

        using var both = ModelEnsemble.Average([image, image]);
        Assert.AreEqual(image.Normalization, both.Normalization);
        using var softmax = OnnxExportTests.Random(Architectures.Create("seed-cnn", 16, 16, 3, 2), 1);
        using var sigmoid = OnnxExportTests.Random(Architectures.Create("cats-dogs-cnn", 16, 16, 3, 2), 1);
        StringAssert.Contains(Assert.ThrowsExactly<MlNetCifarException>(() => ModelEnsemble.Average([softmax, sigmoid])).Reason, "outputs");
        Assert.ThrowsExactly<ArgumentException>(() => ModelEnsemble.Average([a]));
        Assert.ThrowsExactly<ArgumentException>(() => ModelEnsemble.Average([a, a], [1]));
        Assert.ThrowsExactly<ArgumentException>(() => ModelEnsemble.Average([a, a], [0, 0]));
        Assert.ThrowsExactly<ArgumentException>(() => ModelEnsemble.Average([a, a], [1, -1]));
    }

    [TestMethod]
    public void FittedWeights_AreTheMostProbable()
    {
        var random = new Random(5);
        double[][] probabilities = [Draw(0.2), Draw(0.6), Draw(0.0)];
        var fitted = ModelEnsemble.Fit(probabilities);
        Assert.AreEqual(1, fitted.Sum(), 1e-6);
        var best = Likelihood([.. fitted.Select(w => (double)w)]);
        for (var i = 0; i <= 20; i++)
            for (var j = 0; j <= 20 - i; j++)
                Assert.IsLessThan(best + 0.02, Likelihood([i / 20.0, j / 20.0, (20 - i - j) / 20.0]));

        double[] Draw(double floor) => [.. Enumerable.Range(0, 300).Select(_ => floor + ((1 - floor) * random.NextDouble()))];

        double Likelihood(double[] weights) => Enumerable.Range(0, 300).Sum(n => Math.Log(weights.Select((w, i) => w * probabilities[i][n]).Sum()));
    }

    [TestMethod]
    public void FittedWeights_LeaveOutWhatIsUseless()
    {
        CollectionAssert.AreEqual(new[] { 1f, 0f }, ModelEnsemble.Fit([[0.9, 0.8, 0.7], [0.1, 0.2, 0.3]]));
        CollectionAssert.AreEqual(new[] { 0.5f, 0.5f }, ModelEnsemble.Fit([[0, 0], [0, 0]]));
    }

    [TestMethod]
    public void Soup_TakesWhatDoesNoHarm()
    {
        using var good = SmallModel.Create(1);
        var images = SmallModel.Images(120);
        var scores = good.Score(images);
        var labelled = new ImageSet(Pixels(images), [.. Enumerable.Range(0, 120).Select(i => Enumerable.Range(0, 3).MaxBy(k => scores[(3 * i) + k]))], 6, 8, 3, ["a", "b", "ç"]);
        using var twin = good.WithWeights(good.Weights.Clone());
        using var bad = SmallModel.Create(9);
        var soup = ModelSoup.Greedy([bad, good, twin], labelled);
        using var model = soup.Model;
        CollectionAssert.AreEqual(new[] { 1, 2 }, soup.Members.ToArray());
        Assert.AreEqual(1, soup.Accuracy);
        Assert.AreEqual(1, soup.Accuracies[1]);
        Assert.IsLessThan(1, soup.Accuracies[0]);
        Assert.AreEqual(good.WeightsSha256, model.WeightsSha256);
    }

    [TestMethod]
    public void Soup_IsTheMeanOfWeights()
    {
        using var a = SmallModel.Create(1);
        using var b = SmallModel.Create(2);
        using var soup = ModelSoup.Mean([a, b], [0, 1]);
        foreach (var tensor in soup.Weights.Tensors)
            for (var i = 0; i < tensor.Length; i++)
                Assert.AreEqual((a.Weights.Find(tensor.Name)!.Values[i] + (double)b.Weights.Find(tensor.Name)!.Values[i]) / 2, tensor.Values[i], 1e-6);
        using var other = OnnxExportTests.Random(SmallModel.Spec with { Layers = [new Flatten(), new Linear(3)] }, 1);
        using var renamed = new ImageClassifier(other.Weights.Clone(), a.Classes, a.Preprocess, a.Normalization);
        Assert.AreEqual("MNC4011", Assert.ThrowsExactly<MlNetCifarException>(() => ModelSoup.Greedy([a, renamed], SmallModel.Images(5))).Code);
    }

    static ImageClassifier Create()
    {
        using var a = SmallModel.Create(1);
        using var b = SmallModel.Create(2);
        return ModelEnsemble.Average([a, b], [2, 1]);
    }

    static ImageClassifier Scaled(ImageClassifier model, Normalization normalization)
    {
        using (model)
            return new ImageClassifier(model.Weights.Clone(), model.Classes, model.Preprocess, normalization);
    }

    static void AssertMean(ImageClassifier[] members, float[] weights, float[]? given, ImageClassifier[]? all = null)
    {
        using var model = ModelEnsemble.Average(all ?? members, given);
        var images = OnnxExportTests.Pictures(model, 20);
        float[][] scores = [.. members.Select(member => member.Score(images))];
        var mean = model.Score(images);
        for (var i = 0; i < mean.Length; i++)
            Assert.AreEqual(scores.Zip(weights, (s, w) => w * (double)s[i]).Sum() / weights.Sum(w => (double)w), mean[i], 2e-6);
    }

    static byte[] Pixels(ImageSet images)
    {
        var pixels = new byte[images.Count * images.ImageLength];
        for (var i = 0; i < images.Count; i++)
            images.CopyPixels(i, pixels.AsSpan(i * images.ImageLength, images.ImageLength));
        return pixels;
    }

    /// <summary>Least squares: x·a + y·b = sum.</summary>
    static (double X, double Y) Fit(float[] a, float[] b, float[] sum)
    {
        double aa = Dot(a, a), ab = Dot(a, b), bb = Dot(b, b), u = Dot(a, sum), v = Dot(b, sum);
        var determinant = (aa * bb) - (ab * ab);
        return (((u * bb) - (v * ab)) / determinant, ((v * aa) - (u * ab)) / determinant);
    }

    static double Dot(float[] a, float[] b) => a.Zip(b, (x, y) => (double)x * y).Sum();
}
