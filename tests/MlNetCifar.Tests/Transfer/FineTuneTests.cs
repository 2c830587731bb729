using MlNetCifar.App.Cli;
using MlNetCifar.Imaging;
using MlNetCifar.Nn;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Transfer;

namespace MlNetCifar.Tests.Transfer;

/// <summary>Backbones that are trained further.</summary>
[TestClass]
public sealed class FineTuneTests
{
    [TestMethod]
    public void Stages_AreTheSizesOfThePicture()
    {
        using var backbone = SmallBackbone.Create();
        CollectionAssert.AreEqual((Stage[])[new(1, 2), new(5, 5)], FineTunePlan.Stages(backbone.Network.WithHead(3)).ToArray());
        var resnet = FineTunePlan.Stages(Architectures.Create("resnet18", 224, 224, 3, 10));
        Assert.HasCount(5, resnet);
        Assert.AreEqual(1, resnet[0].First);
        Assert.IsTrue(resnet.Zip(resnet.Skip(1)).All(pair => pair.First.Last < pair.Second.First));
    }

    [TestMethod]
    public void Groups_FallTowardsTheStem_AndThawOneAfterTheOther()
    {
        var network = Architectures.Create("resnet18", 224, 224, 3, 10);
        var all = new TrainingOptions { LearningRate = 1, Groups = FineTunePlan.Groups(network, FineTuning.All, 12, freezeStatistics: true) }.DescribeGroups(network);
        GroupSummary Of(string tensor) => all.Single(g => g.Tensors.Contains(tensor));
        string[] stages = ["conv1.weight", "layer1.0.conv1.weight", "layer2.0.conv1.weight", "layer3.0.conv1.weight", "layer4.0.conv1.weight", "fc.weight"];
        float[] rates = [1 / 32f, 1 / 16f, 1 / 8f, 1 / 4f, 1 / 2f, 1];
        CollectionAssert.AreEqual(rates, stages.Select(s => Of(s).LearningRate).ToArray());
        CollectionAssert.AreEqual((int?[])[6, 5, 3, 2, null, null], stages.Select(s => Of(s).ThawAfterEpochs).ToArray());
        Assert.IsTrue(Of("layer3.1.bn2.running_var").Frozen);
        Assert.IsNull(Of("layer3.1.bn2.running_var").ThawAfterEpochs);

        var last = new TrainingOptions { Groups = FineTunePlan.Groups(network, FineTuning.LastStage, 12, freezeStatistics: false) }.DescribeGroups(network);
        string[] trained = [.. last.Where(g => !g.Frozen).SelectMany(g => g.Tensors)];
        Assert.IsTrue(trained.All(t => t.StartsWith("layer4.", StringComparison.Ordinal) || t.StartsWith("fc.", StringComparison.Ordinal)), string.Join(' ', trained));
        Assert.Contains("layer4.1.bn2.running_mean", trained);
        Assert.Contains("layer4.0.conv1.weight", trained);
    }

    [TestMethod]
    public void Mix_IsOnTheLine_AndTheBestIsNeverWorseThanFrozen()
    {
        using var frozen = NetworkWeights.Initialize(SmallBackbone.Spec, 1);
        using var tuned = NetworkWeights.Initialize(SmallBackbone.Spec, 2);
        foreach (var share in WeightMix.Shares)
        {
            using var mix = WeightMix.Between(frozen, tuned, share);
            foreach (var tensor in mix.Tensors)
                for (var i = 0; i < tensor.Length; i++)
                    Assert.AreEqual(((1 - share) * frozen.Find(tensor.Name)!.Values[i]) + (share * tuned.Find(tensor.Name)!.Values[i]), tensor.Values[i], 1e-6f);
        }

        using var last = WeightMix.Between(frozen, tuned, 1);
        Assert.AreEqual(tuned.Sha256(), last.Sha256());
        Assert.AreEqual(0.5f, Best((0.9, 0.3), (0.9, 0.25), (0.95, 0.2), (0.85, 0.1), (0.95, 0.21)));
        Assert.AreEqual(0, Best((0.9, 0.3), (0.89, 0.1), (0.95, 0.3), (0.9, 0.31), (0, double.PositiveInfinity)));

        static float Best(params (double Accuracy, double Loss)[] figures) =>
            WeightMix.Best([.. figures.Select((f, i) => new MixFigures(i == 0 ? 0 : WeightMix.Shares[i - 1], f.Accuracy, f.Loss))]).Share;
    }

    [TestMethod]
    public void Mix_IsMeasuredAsCalibrated()
    {
        var images = SmallBackbone.Images(2, classes: 2).Subset([0, 1, 2, 3]);
        float[] logits = [3, 0, 0, 3, 3, 0, 3, 0];
        float[] surer = [.. logits.Select(z => 10 * z)];
        var (plain, tenfold) = (WeightMix.Measure(0, logits, images), WeightMix.Measure(1, surer, images));
        Assert.AreEqual((0.75, 0.75), (plain.Accuracy, tenfold.Accuracy));
        Assert.AreEqual(plain.Loss, tenfold.Loss, 1e-9);

        // With three of four right the best probability is three quarters.
        Assert.AreEqual(-(0.75 * Math.Log(0.75)) - (0.25 * Math.Log(0.25)), plain.Loss, 1e-9);

        // Where all are right, surer is better without end; then they are taken as they are.
        Assert.AreEqual(Math.Log(1 + Math.Exp(-3)), WeightMix.Measure(0, [3, 0, 0, 3, 3, 0, 0, 3], images).Loss, 1e-6);
        Assert.AreEqual((0, double.PositiveInfinity), (WeightMix.Measure(0, [3, 0, 0, 3, float.NaN, 0, 0, 3], images).Accuracy, WeightMix.Measure(0, [3, 0, 0, 3, float.NaN, 0, 0, 3], images).Loss));
    }

    [TestMethod]
    [DataRow(FineTuning.LastStage)]
    [DataRow(FineTuning.All)]
    public void Train_Further_KeepsTheBetter_WhateverTheThreads(FineTuning depth)
    {
        using var folder = new Pictures();
        var options = Options(folder, depth) with { ValidationSplit = 0.3 };
        var weights = new List<(string Kept, string Last)>();
        foreach (var threads in new[] { 1, 3 })
        {
            var messages = new Messages();
            var experiment = new Experiment(options with { Adjust = r => r with { Epochs = 25, BatchSize = 8, LearningRate = 0.01f, Patience = null, Threads = threads } });
            experiment.Observers.Add(messages);
            using var result = experiment.Run();
            StringAssert.Contains(messages.Text, ": kept");
            using var backbone = FeatureExtractor.Load(options.Backbone!);
            using var last = ImageClassifier.Load(result.Folder.Last);
            Assert.AreEqual(depth == FineTuning.All, Differs("conv1.weight"));
            Assert.IsTrue(Differs(backbone.Weights.Tensors.Last(t => t.Spec.IsTrained).Name));
            Assert.IsFalse(Differs("bn1.running_mean"));
            weights.Add((result.Model.WeightsSha256, result.LastWeightsSha256!));

            bool Differs(string name) => !backbone.Weights.Find(name)!.Values.SequenceEqual(last.Weights.Find(name)!.Values);
        }

        Assert.AreEqual(weights[0], weights[1]);
    }

    [TestMethod]
    public void Train_FurtherInVain_KeepsTheFrozenBackbone()
    {
        using var folder = new Pictures();
        using var frozen = new Experiment(Options(folder, FineTuning.None) with { ValidationSplit = 0.2 }).Run();
        foreach (var rate in new[] { 3f, 1e30f })
        {
            var messages = new Messages();
            var experiment = new Experiment(Options(folder, FineTuning.All) with { ValidationSplit = 0.2, Adjust = r => r with { Epochs = 1, BatchSize = 8, LearningRate = rate, Optimizer = OptimizerKind.Sgd } });
            experiment.Observers.Add(messages);
            using var result = experiment.Run();
            StringAssert.Contains(messages.Text, rate == 3 ? "the frozen backbone is kept" : "the backbone stays frozen");
            Assert.AreEqual(frozen.LastWeightsSha256, result.LastWeightsSha256);
        }
    }

    [TestMethod]
    public void Auto_NeedsABudgetAndTime_AndABudgetHoldsForFeaturesToo()
    {
        using var folder = new Pictures();
        var none = new Messages();
        var without = new Experiment(Options(folder, FineTuning.Auto));
        without.Observers.Add(none);
        using (without.Run())
            Assert.DoesNotContain("fine-tune", none.Text);
        var short_ = new Messages();
        var spent = new Experiment(Options(folder, FineTuning.Auto) with { ValidationSplit = 0.2, Adjust = r => r with { TimeBudget = TimeSpan.FromSeconds(1) } });
        spent.Observers.Add(short_);
        using (var result = spent.Run())
        {
            StringAssert.Contains(short_.Text, "fine-tune: none");
            StringAssert.Contains(short_.Text, "mirrored pictures are not learnt");
            Assert.IsTrue(result.Warnings.Any(w => w.StartsWith("6 of the ", StringComparison.Ordinal)), string.Join('\n', result.Warnings));
        }

        var time = new Messages();
        var budget = new Experiment(Options(folder, FineTuning.Auto) with { ValidationSplit = 0.2, Adjust = r => r with { TimeBudget = TimeSpan.FromSeconds(8), BatchSize = 8 } });
        budget.Observers.Add(time);
        using (budget.Run())
            StringAssert.Contains(time.Text, "fine-tune: all, for about ");
    }

    [TestMethod]
    public void ABudget_HasRoomForFewerPicturesThanTwoOfEachClass()
    {
        using var folder = new Pictures();
        Photographs(folder, 2);
        using var result = new Experiment(Options(folder, FineTuning.None) with { Split = 0.5, Adjust = r => r with { TimeBudget = TimeSpan.FromMinutes(1) } }).Run();
        Assert.AreEqual(3, result.Evaluation.Count);
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Train_KilledWhileTrainingFurther_GoesOnBitIdentically()
    {
        using var folder = new Pictures();
        Photographs(folder, 14);
        var backbone = Saved(folder);
        string[] train =
        [
            "train", "--data", folder["photos"], "--backbone", backbone, "--fine-tune", "all", "--epochs", "300", "--patience", "300", "--batch-size", "8", "--learning-rate", "0.0001",
            "--val-split", "0.2", "--checkpoint-every", "3", "--threads", "2", "--cache", folder["cache"], "--output", folder.Runs, "--name",
        ];
        using (var whole = new ProgramProcess([.. train, "whole"]))
            Assert.AreEqual(ExitCodes.Ok, whole.Exit(), whole.Log);
        using (var killed = new ProgramProcess([.. train, "killed"]))
        {
            killed.Until("epoch  20/");
            killed.Signal("KILL");
            killed.Exit();
        }

        using var resumed = new ProgramProcess(["train", "--resume", Path.Combine(folder.Runs, "train", "killed")]);
        Assert.AreEqual(ExitCodes.Ok, resumed.Exit(), resumed.Log);
        StringAssert.Contains(resumed.Log, "Going on from step");
        var files = new[] { "whole", "killed" }.Select(name => ImageClassifier.Load(Path.Combine(folder.Runs, "train", name, "weights", "last.safetensors"))).ToArray();
        try
        {
            Assert.AreEqual(files[0].WeightsSha256, files[1].WeightsSha256);
        }
        finally
        {
            files[0].Dispose();
            files[1].Dispose();
        }
    }

    static ExperimentOptions Options(Pictures folder, FineTuning depth)
    {
        if (!Directory.Exists(folder["photos"]))
            Photographs(folder, 40);
        return new() { Data = folder["photos"], Backbone = Saved(folder), Output = folder.Runs, CacheFolder = null, FineTune = depth };
    }

    /// <summary>Pictures whose colours overlap, so that there is something to learn.</summary>
    static void Photographs(Pictures folder, int count)
    {
        var random = new Random(1);
        foreach (var (name, channel) in new[] { ("blue", 2), ("green", 1), ("red", 0) })
            for (var i = 0; i < count; i++)
            {
                var (pixels, tint) = (new byte[24 * 20 * 3], random.Next(-40, 40));
                for (var p = 0; p < pixels.Length; p++)
                    pixels[p] = (byte)Math.Clamp((p % 3 == channel ? 120 + tint : 90) + random.Next(-60, 60), 0, 255);
                folder.Write($"photos/{name}/{i}.png", PngEncoder.Encode(pixels, 24, 20, 3));
            }
    }

    static string Saved(Pictures folder)
    {
        var path = folder["net.safetensors"];
        using var model = SmallBackbone.Classifier();
        model.Save(path);
        return path;
    }

    internal sealed class Messages : IExperimentObserver
    {
        readonly List<string> _lines = [];

        public string Text => string.Join('\n', _lines);

        public void OnMessage(string? subject, string text) => _lines.Add($"{subject}: {text}");

        public void OnWarning(string warning) => _lines.Add($"warning: {warning}");
    }
}
