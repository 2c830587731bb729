namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class TrainingResultTests
{
    static readonly TrainingOptions s_options = new() { Epochs = 1, BatchSize = 16, LearningRate = 0.01f, Threads = 2 };

    static PreprocessSpec Preprocess => new() { Height = TinyData.Side, Width = TinyData.Side, Channels = 3 };

    [TestMethod]
    public void ToClassifier_GivesModelsThatOutliveTheResultAndEachOther()
    {
        var images = TinyData.Balanced(4, 8);
        var result = new Trainer(TinyData.Network(4), s_options).Fit(images);
        var first = result.ToClassifier(Preprocess);
        using var second = result.ToClassifier(Preprocess);
        var scores = first.Score(images);
        first.Dispose();
        Assert.AreEqual(result.WeightsSha256, result.Weights.Sha256());
        result.Dispose();
        CollectionAssert.AreEqual(scores, second.Score(images));
        Assert.AreEqual(result.WeightsSha256, second.WeightsSha256);
    }

    [TestMethod]
    public void Dispose_FreesTheWeights_AndMayBeCalledAgain()
    {
        var result = new Trainer(TinyData.Network(4), s_options).Fit(TinyData.Balanced(4, 8));
        var weights = result.Weights;
        result.Dispose();
        result.Dispose();
        Assert.ThrowsExactly<ObjectDisposedException>(() => weights.Sha256());
        Assert.ThrowsExactly<ObjectDisposedException>(() => result.Weights);
        Assert.ThrowsExactly<ObjectDisposedException>(() => result.ToClassifier(Preprocess));
        Assert.HasCount(1, result.History);
        Assert.HasCount(64, result.LastWeightsSha256.ToArray());
    }

    [TestMethod]
    public async Task FitAsync_GivesTheResultOfFit()
    {
        var images = TinyData.Balanced(4, 8);
        var thread = 0;
        var trainer = new Trainer(TinyData.Network(4), s_options);
        trainer.Observers.Add(new Watcher { Step = _ => thread = Environment.CurrentManagedThreadId });
        using var result = await trainer.FitAsync(images);
        using var expected = new Trainer(TinyData.Network(4), s_options).Fit(images);
        Assert.AreEqual(expected.WeightsSha256, result.WeightsSha256);
        Assert.AreNotEqual(0, thread);
    }

    [TestMethod]
    public async Task FitAsync_Cancelled_GivesTheBestSoFar_OrThrowsBeforeItBegins()
    {
        using var cancel = new CancellationTokenSource();
        var trainer = new Trainer(TinyData.Network(4), s_options with { Epochs = 1000 });
        trainer.Observers.Add(new Watcher { EpochEnd = (_, _) => cancel.Cancel() });
        using var result = await trainer.FitAsync(TinyData.Balanced(4, 8), cancellation: cancel.Token);
        Assert.AreEqual(StopReason.Cancelled, result.StopReason);
        Assert.AreEqual(1, result.BestEpoch);
        await Assert.ThrowsAsync<OperationCanceledException>(() => trainer.FitAsync(TinyData.Balanced(4, 8), cancellation: cancel.Token));
    }

    [TestMethod]
    public void Trainer_RefusesNull()
    {
        Assert.ThrowsExactly<ArgumentNullException>(() => new Trainer(null!));
        var trainer = new Trainer(TinyData.Network(4), s_options);
        Assert.ThrowsExactly<ArgumentNullException>(() => trainer.Fit(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => trainer.FindLearningRate(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => TrainingStart.From(null!));
        Assert.ThrowsExactly<ArgumentNullException>(() => s_options.DescribeGroups(null!));
    }
}
