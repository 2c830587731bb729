using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training.Groups;

[TestClass]
public sealed class ThawTests
{
    static readonly ParameterGroups s_thawing = [new("conv1, bn1") { Frozen = true, ThawAfterEpochs = 1 }, new("fc1") { Frozen = true, ThawAfterEpochs = 2, RateFactor = 0.5f }];

    /// <summary>Without dropout, whose masks depend on the number of the step.</summary>
    static readonly NetworkSpec s_network = SmallRun.Network with { Layers = SmallRun.Network.Layers.RemoveAt(7) };

    public static IEnumerable<object[]> Optimizers => Enum.GetValues<OptimizerKind>().Select(o => new object[] { o });

    /// <summary>A run that thaws is one run with the layers frozen, and a second that goes on from its weights without.</summary>
    [TestMethod]
    [DataRow(OptimizerKind.Sgd)]
    [DataRow(OptimizerKind.Adam)]
    public void Fit_ThatThaws_EqualsTwoRunsByHand(OptimizerKind optimizer)
    {
        // Without momentum in the head nothing but the weights passes from one stage to the next; Adam's moments of the thawed layers begin there.
        var options = SmallRun.Sgd with { Schedule = ScheduleKind.Constant, GradientClipNorm = null, Momentum = 0, Nesterov = false, Epochs = 3 };
        ParameterGroup thawed = new("conv1, bn1") { Optimizer = optimizer };
        using var whole = SmallRun.Fit(new Trainer(s_network, options with { Groups = [thawed with { Frozen = true, ThawAfterEpochs = 2 }] }));

        using var first = Session(options with { Groups = [thawed with { Frozen = true }] }, null);
        Run(first, options, 0, 2);
        using var second = Session(options with { Groups = [thawed] }, new TrainingStart { Weights = first.Weights });
        Run(second, options, 2, 3);
        Assert.AreEqual(whole.LastWeightsSha256, second.Weights.Sha256());
    }

    [TestMethod]
    [DynamicData(nameof(Optimizers))]
    public void Fit_ResumedAtAnyStepAcrossThaws_GivesTheSameBits(OptimizerKind optimizer)
    {
        var options = SmallRun.Adam with { Optimizer = optimizer, Groups = s_thawing, LearningRate = optimizer == OptimizerKind.Muon ? 0.1f : 0.01f };
        using var folder = new TestFolder();
        var whole = SmallRun.Fit(SmallRun.Trainer(options));
        for (var at = 1; at < whole.Steps; at++)
        {
            var path = Path.Combine(folder.Root, $"{at}");
            using var cancel = new CancellationTokenSource();
            var stopper = new AfterStep(run =>
            {
                if (run.Step == at)
                    cancel.Cancel();
            });
            using var cut = SmallRun.Fit(SmallRun.Trainer(options, path, everySteps: 1000, observers: stopper), cancel.Token);
            Assert.AreEqual(at, cut.Steps);
            using var resumed = SmallRun.Fit(SmallRun.Trainer(options, path, resume: true));
            Assert.AreEqual(at, resumed.ResumedFrom);
            SmallRun.AssertSame(whole, resumed);
        }
    }

    [TestMethod]
    public void Fit_FromTheFilesOfAnyMoment_GoesOnAcrossThaws()
    {
        var options = SmallRun.Adam with { Groups = s_thawing };
        using var folder = new TestFolder();
        var live = Path.Combine(folder.Root, "live");
        var copies = new List<string>();
        var copier = new AfterStep(run =>
        {
            copies.Add(Path.Combine(folder.Root, $"{run.Step}"));
            ResumeTests.CopyFolder(live, copies[^1]);
        });
        var whole = SmallRun.Fit(SmallRun.Trainer(options, live, everySteps: 1, observers: copier));
        foreach (var copy in copies)
            SmallRun.AssertSame(whole, SmallRun.Fit(SmallRun.Trainer(options, copy, resume: true)));
    }

    [TestMethod]
    public void Fit_ThatThaws_TrainsWhatItThawed()
    {
        var seen = new List<Dictionary<string, float[]>>();
        var trainer = SmallRun.Trainer(SmallRun.Adam with { Groups = s_thawing });
        trainer.Observers.Add(new Watcher { EpochEnd = (run, _) => seen.Add(run.Weights.Tensors.ToDictionary(t => t.Name, t => t.Values.ToArray())) });
        using var result = SmallRun.Fit(trainer);
        void Moved(string name, bool second, bool third)
        {
            Assert.AreEqual(second, !seen[0][name].AsSpan().SequenceEqual(seen[1][name]), $"{name} in the second epoch");
            Assert.AreEqual(third, !seen[1][name].AsSpan().SequenceEqual(seen[2][name]), $"{name} in the third epoch");
        }

        foreach (var name in new[] { "conv1.weight", "bn1.bias", "bn1.running_mean", "bn1.running_var" })
            Moved(name, true, true);
        Moved("fc1.weight", false, true);
        Moved("fc2.weight", true, true);
        using var fresh = NetworkWeights.Initialize(SmallRun.Network, SmallRun.Adam.Seed);
        CollectionAssert.AreEqual(fresh.Find("conv1.weight")!.Values.ToArray(), seen[0]["conv1.weight"], "frozen in the first epoch");
    }

    [TestMethod]
    public void Fit_ResumedWithOtherGroups_IsAnError()
    {
        using var folder = new TestFolder();
        SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam with { Groups = s_thawing }, folder.Root)).Dispose();
        var error = ResumeErrorTests.AssertError("MNC3011", () => SmallRun.Fit(SmallRun.Trainer(SmallRun.Adam, folder.Root, resume: true)));
        StringAssert.Contains(error.Message, "groups was");
    }

    static TrainingSession Session(TrainingOptions options, TrainingStart? start) =>
        new(s_network, options, SmallRun.Train, Normalization.Compute(SmallRun.Train), start);

    static void Run(TrainingSession session, TrainingOptions options, int from, int to)
    {
        using var loader = new BatchLoader(SmallRun.Train, Normalization.Compute(SmallRun.Train), new BatchLoaderOptions
        {
            BatchSize = options.BatchSize, Shuffle = true, Seed = options.Seed, Augmentation = options.Augmentation,
        });

        for (var epoch = from; epoch < to; epoch++)
        {
            loader.Start(epoch);
            while (loader.Next() is { } batch)
                session.Step(batch, 0, out _);
        }
    }
}
