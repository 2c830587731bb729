namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class FindLearningRateTests
{
    static readonly TrainingOptions s_options = new() { BatchSize = 16, Optimizer = OptimizerKind.Sgd, Seed = 3, Threads = 2, Warmup = 0.5f, Schedule = ScheduleKind.Cosine };

    [TestMethod]
    public void FindLearningRate_RaisesTheRate_AndSuggestsOneWhereTheLossFalls()
    {
        var found = new Trainer(TinyData.Network(4), s_options).FindLearningRate(TinyData.Balanced(4, 16), steps: 60, lowest: 1e-4, highest: 100);
        Assert.AreEqual(1e-4, found.Curve[0].LearningRate, 1e-9);
        for (var i = 1; i < found.Curve.Count; i++)
            Assert.AreEqual(Math.Pow(1e6, 1.0 / 59), found.Curve[i].LearningRate / found.Curve[i - 1].LearningRate, 1e-6);
        var at = found.Curve.Select((p, i) => (p, i)).Single(x => x.p.LearningRate == found.Suggestion).i;
        Assert.IsLessThan(found.Curve[at - 1].Loss, found.Curve[at + 1].Loss);
        Assert.IsLessThan(60, found.Curve.Count, "it ends where the loss has grown fourfold");
    }

    [TestMethod]
    public void FindLearningRate_IsAFunctionOfTheTrainerAlone_AndKeepsNothing()
    {
        var trainer = new Trainer(TinyData.Network(4), s_options);
        trainer.Observers.Add(new Watcher { Step = _ => Assert.Fail("observers follow runs") });
        var one = trainer.FindLearningRate(TinyData.Balanced(4, 16), steps: 20);
        var other = new Trainer(TinyData.Network(4), s_options with { Threads = 1, LearningRate = 7, Schedule = ScheduleKind.Constant, Warmup = null }).FindLearningRate(TinyData.Balanced(4, 16), steps: 20);
        CollectionAssert.AreEqual(one.Curve.ToArray(), other.Curve.ToArray());
    }

    [TestMethod]
    public async Task FindLearningRate_ChecksWhatFitChecks()
    {
        Assert.AreEqual("MNC3001", Code(TinyData.Network(4), s_options with { BatchSize = 0 }));
        Assert.AreEqual("MNC3003", Code(TinyData.Network(3), s_options));
        Assert.AreEqual("MNC3020", Code(TinyData.Network(4), s_options with { Groups = [new("layer9")] }));
        var trainer = new Trainer(TinyData.Network(4), s_options);
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trainer.FindLearningRate(TinyData.Balanced(4, 4), steps: 9));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trainer.FindLearningRate(TinyData.Balanced(4, 4), lowest: 0));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => trainer.FindLearningRate(TinyData.Balanced(4, 4), lowest: 1, highest: 1));
        using var cancel = new CancellationTokenSource();
        cancel.Cancel();
        Assert.ThrowsExactly<OperationCanceledException>(() => trainer.FindLearningRate(TinyData.Balanced(4, 4), cancellation: cancel.Token));
        await Assert.ThrowsAsync<OperationCanceledException>(() => trainer.FindLearningRateAsync(TinyData.Balanced(4, 4), cancellation: cancel.Token));

        static string Code(NetworkSpec network, TrainingOptions options) =>
            Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(network, options).FindLearningRate(TinyData.Balanced(4, 4))).Code;
    }
}
