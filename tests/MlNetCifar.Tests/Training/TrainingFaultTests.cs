using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class TrainingFaultTests
{
    static readonly TrainingOptions s_options = new() { Epochs = 2, BatchSize = 8, Threads = 1 };

    [TestMethod]
    public void Fit_DivergingLoss_NamesStepLayerAndRate()
    {
        var options = s_options with { Optimizer = OptimizerKind.Sgd, LearningRate = 1e30f, Schedule = ScheduleKind.Constant };
        var error = Fault("MNC3002", ErrorKind.Failure, TinyData.Network(3), options, TinyData.Balanced(3, 8));
        StringAssert.Matches(error.Message, new(@"^The loss became (NaN|Infinity) at step 2 \(learning rate 1E\+30\); "));
        StringAssert.Contains(error.Message, "the first values that are not finite are in the output of layer 5 (linear). Lower the learning rate");
    }

    [TestMethod]
    public void Fit_DivergingNetworkWithBatchNorm_NamesTheWeightsNotTheStatistics()
    {
        // An infinite activation reaches the running statistics before the loss; they are no cause.
        var options = s_options with { Optimizer = OptimizerKind.Sgd, LearningRate = 1e38f, Schedule = ScheduleKind.Constant };
        var error = Fault("MNC3002", ErrorKind.Failure, TinyData.Network(3, new Conv2d(4, 3), new BatchNorm()), options, TinyData.Balanced(3, 8));
        Assert.DoesNotContain("running", error.Message);
    }

    [TestMethod]
    public void Fit_NaNWeight_NamesTheTensor()
    {
        var trainer = new Trainer(TinyData.Network(3), s_options);
        trainer.Observers.Add(new Watcher { Step = run => run.Weights.Find("fc1.bias")!.Values[1] = float.NaN });
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => trainer.Fit(TinyData.Balanced(3, 8)));
        Assert.AreEqual("MNC3002", error.Code);
        StringAssert.Contains(error.Message, "at step 2 ");
        StringAssert.Contains(error.Message, "the weights of fc1.bias");
    }

    [TestMethod]
    public void Fit_OneClass_NamesIt()
    {
        var error = Fault("MNC3004", ErrorKind.Data, TinyData.Network(3), s_options, TinyData.Images([0, 9, 0]));
        Assert.AreEqual("All training images belong to one class ('class1'); at least two are needed. Add images of another class.", error.Message);
    }

    [TestMethod]
    public void Fit_DataOfAnotherShape_NamesBoth()
    {
        var error = Fault("MNC3003", ErrorKind.Usage, TinyData.Network(3), s_options, TinyData.Balanced(4, 4));
        StringAssert.StartsWith(error.Message, "The data do not fit the network: found images of 8×8×3 in 4 classes; expected images of 8×8×3 in 3 classes.");
        var trainer = new Trainer(TinyData.Network(3), s_options);
        Assert.AreEqual("MNC3003", Assert.ThrowsExactly<MlNetCifarException>(() => trainer.Fit(TinyData.Balanced(3, 4), TinyData.Balanced(2, 4))).Code);
    }

    [TestMethod]
    public void Fit_WrongOptions_NamesEveryOne()
    {
        var options = new TrainingOptions { Epochs = 0, BatchSize = -1, LearningRate = float.NaN, EmaDecay = 1, LookaheadSteps = 0, SwaStart = 1, SwaLearningRate = 0, LabelSmoothing = 1, Patience = 0, TimeBudget = TimeSpan.Zero, Threads = 0 };
        var error = Fault("MNC3001", ErrorKind.Usage, TinyData.Network(3), options, TinyData.Balanced(3, 4));
        foreach (var name in new[] { "Epochs is 0", "BatchSize is -1", "LearningRate is NaN", "EmaDecay is 1", "LookaheadSteps is 0", "SwaStart is 1", "SwaLearningRate is 0", "LabelSmoothing is 1", "Patience is 0", "TimeBudget is 00:00:00", "Threads is 0" })
            StringAssert.Contains(error.Message, name);
    }

    [TestMethod]
    public void Fit_WrongNetwork_IsFoundBeforeTraining()
    {
        var network = TinyData.Network(3) with { Layers = [new Linear(3)] };
        Fault("MNC2001", ErrorKind.Usage, network, s_options, TinyData.Balanced(3, 4));
    }

    static MlNetCifarException Fault(string code, ErrorKind kind, NetworkSpec network, TrainingOptions options, ImageSource images)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(network, options).Fit(images));
        Assert.AreEqual(code, error.Code);
        Assert.AreEqual(kind, error.Kind);
        return error;
    }
}
