using MlNetCifar.Evaluation;
using MlNetCifar.Inference;
using MlNetCifar.Reporting;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Evaluation.Gate;

/// <summary>What the model that comes with the program must reach on the sample's 2,000 test images.</summary>
[TestClass]
public sealed class ShippedModelTests
{
    const string Pinned = "e263a51b03ab13d12b7745eab2036fc0";

    [TestMethod]
    public void ShippedModel_PassesItsGate()
    {
        var path = Repository.File("models", "cifar10-airbench94.safetensors");
        if (!File.Exists(path))
            Assert.Inconclusive($"There is no model to check: {path}.");
        using var model = ImageClassifier.Load(path);
        using var data = ImageDataset.Open(Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz"), new() { Spec = model.Preprocess, Files = new() { Classes = model.Classes } });
        var test = data.Test!;
        int[] labels = [.. Enumerable.Range(0, test.Count).Select(test.Label)];
        string[] names = [.. Enumerable.Range(0, test.Count).Select(test.Name)];
        var scores = model.Logits(test);
        (model.Calibration?.Temperature ?? TemperatureScaling.None).Apply(scores, model.Classes.Length, scores);
        var run = new RunData(
            "cifar10-airbench94", DataFingerprint.Compute(model.Classes, labels, names), Evaluator.Evaluate(labels, scores, model.Classes), names);
        var gate = new QualityGate("cifar10-airbench94").RequireData(Pinned).RequireAllImages().RequireMicroAccuracy(0.87).RequirePerClassRecall(0.7);

        // The recipe smooths labels, so that without a calibration its probabilities are too low by design.
        if (model.Calibration is not null)
            gate = gate.RequireCalibrationError(0.05);
        var outcome = gate.Check(run);
        Assert.IsTrue(outcome.Passed, outcome.Message);
    }

    [TestMethod]
    public void SampleOfAnotherOrder_IsRefused()
    {
        using var data = ImageDataset.Open(Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz"));
        var test = data.Test!;
        int[] labels = [.. Enumerable.Range(0, test.Count).Select(test.Label)];
        string[] names = [.. Enumerable.Range(0, test.Count).Select(test.Name)];
        StringAssert.StartsWith(DataFingerprint.Compute(test.Classes, labels, names), Pinned);
        (names[0], names[1]) = (names[1], names[0]);
        Assert.IsFalse(DataFingerprint.Compute(test.Classes, labels, names).StartsWith(Pinned, StringComparison.Ordinal));
    }
}
