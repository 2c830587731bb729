using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training.Resume;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class TrainingStartTests
{
    static readonly TrainingOptions s_options = new() { Epochs = 1, BatchSize = 16, LearningRate = 0.01f, Seed = 3, Threads = 2 };

    [TestMethod]
    public void Fit_FromAModel_BeginsAtItsWeightsAndNormalisation()
    {
        using var first = new Trainer(TinyData.Network(4, new BatchNorm()), s_options).Fit(TinyData.Balanced(4, 8));
        using var model = first.ToClassifier(Preprocess);
        var watched = new List<string>();
        var trainer = new Trainer(TinyData.Network(4, new BatchNorm()), s_options with { Seed = 9 }) { Start = TrainingStart.From(model) };
        trainer.Observers.Add(new Begin(run => watched.Add(run.Weights.Sha256())));
        using var second = trainer.Fit(TinyData.Balanced(4, 12, seed: 5));
        Assert.AreEqual(model.WeightsSha256, watched.Single());
        Assert.AreEqual(model.Normalization, second.Normalization);
        Assert.AreNotEqual(Normalization.Compute(TinyData.Balanced(4, 12, seed: 5)), second.Normalization);
        Assert.IsTrue(second.Start!.Tensors.All(t => t.IsTaken));
        Assert.IsEmpty(second.Start.Unused);
        Assert.AreEqual(model.WeightsSha256, second.Start.WeightsSha256);
        Assert.AreEqual(model.WeightsSha256, model.Weights.Sha256(), "only read");
    }

    [TestMethod]
    public void Fit_FromAModelWithAnotherHead_KeepsAllElse_AndSaysSo()
    {
        using var weights = NetworkWeights.Initialize(TinyData.Network(5, new Conv2d(6, 3), new BatchNorm(), new Conv2d(4, 1)), 77);
        var network = TinyData.Network(3, new Conv2d(6, 3), new BatchNorm());
        using var start = new Started(network, new TrainingStart { Weights = weights, Name = "five.safetensors" });
        using var fresh = NetworkWeights.Initialize(network, s_options.Seed);
        foreach (var tensor in start.Session.Weights.Tensors)
        {
            var expected = tensor.Node.WeightName == "fc1" ? fresh : weights;
            CollectionAssert.AreEqual(expected.Find(tensor.Name)!.Values.ToArray(), tensor.Values.ToArray(), tensor.Name);
        }

        var lines = start.Session.Start!.ToString().Split('\n');
        Assert.AreEqual("8 of 10 tensors from five.safetensors", lines[0]);
        CollectionAssert.Contains(lines, "  taken  conv2.weight 3×3×8×6");
        CollectionAssert.Contains(lines, "  fresh  fc1.weight 96×3: is 64×5 there");
        CollectionAssert.Contains(lines, "  left   conv3.weight");
        Assert.AreEqual(start.Session.Start.ToString(), new TrainingStart { Weights = weights, Name = "five.safetensors" }.Map(network).ToString());
    }

    [TestMethod]
    public void Map_OfInputsFromAPictureOfAnotherShape_LeavesThem()
    {
        NetworkSpec Network(int height, int width) => new() { Name = "n", Height = height, Width = width, Channels = 3, Classes = 3, Layers = [new Conv2d(2, 1), new Flatten(), new Linear(3)] };
        using var weights = NetworkWeights.Initialize(Network(4, 8), 1);
        var map = new TrainingStart { Weights = weights }.Map(Network(8, 4));
        var head = map.Tensors.Single(t => t.Name == "fc1.weight");
        Assert.IsFalse(head.IsTaken);
        StringAssert.Contains(head.Note, "4");
        Assert.IsTrue(map.Tensors.Single(t => t.Name == "fc1.bias").IsTaken);
    }

    [TestMethod]
    public void Whitening_IsNotDoneOverAStartingPoint()
    {
        var network = Architectures.Create("airbench94", 16, 16, 3, 4);
        var images = TestImages.Random(20, 16, 16);
        var normalization = Normalization.Compute(images);
        using var other = NetworkWeights.Initialize(Architectures.Create("airbench94", 16, 16, 3, 7), 5);
        using var taken = new TrainingSession(network, s_options, images, normalization, new TrainingStart { Weights = other });
        CollectionAssert.AreEqual(other.Find("conv1.weight")!.Values.ToArray(), taken.Weights.Find("conv1.weight")!.Values.ToArray());
        using var fresh = new TrainingSession(network, s_options, images, normalization);
        CollectionAssert.AreNotEqual(NetworkWeights.Initialize(network, s_options.Seed).Find("conv1.weight")!.Values.ToArray(), fresh.Weights.Find("conv1.weight")!.Values.ToArray());
    }

    [TestMethod]
    public void Start_ThatDoesNotFit_IsAnError()
    {
        using var weights = NetworkWeights.Initialize(Architectures.Create("elephas-mlp", 16, 16, 1, 2), 1);
        Assert.AreEqual("MNC3023", Fault(new TrainingStart { Weights = weights }).Code);
        Assert.AreEqual("MNC3024", Fault(new TrainingStart { Weights = weights, Normalization = new Normalization([0.5f], [0.2f]) }).Code);
    }

    [TestMethod]
    public void Fit_ResumedFromAnotherStart_IsAnError()
    {
        using var folder = new TestFolder();
        using var one = NetworkWeights.Initialize(SmallRun.Network, 1);
        using var two = NetworkWeights.Initialize(SmallRun.Network, 2);
        Trainer From(NetworkWeights? weights, bool resume) => new(SmallRun.Network, SmallRun.Adam)
        {
            Start = weights is null ? null : new TrainingStart { Weights = weights }, Checkpoints = new CheckpointOptions { Folder = folder.Root, Resume = resume },
        };
        using var whole = SmallRun.Fit(From(one, false));
        ResumeErrorTests.AssertError("MNC3025", () => SmallRun.Fit(From(two, true)));
        ResumeErrorTests.AssertError("MNC3025", () => SmallRun.Fit(From(null, true)));
        using var resumed = SmallRun.Fit(From(one, true));
        SmallRun.AssertSame(whole, resumed);
    }

    static PreprocessSpec Preprocess => new() { Height = TinyData.Side, Width = TinyData.Side, Channels = 3 };

    static MlNetCifarException Fault(TrainingStart start) =>
        Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(TinyData.Network(4), s_options) { Start = start }.Fit(TinyData.Balanced(4, 8)));

    sealed class Started : IDisposable
    {
        public Started(NetworkSpec network, TrainingStart start)
        {
            var images = TinyData.Balanced(3, 8);
            Session = new TrainingSession(network, s_options, images, Normalization.Compute(images), start);
        }

        public TrainingSession Session { get; }

        public void Dispose() => Session.Dispose();
    }

    sealed class Begin(Action<TrainingRun> action) : ITrainingObserver
    {
        public void OnFitStart(TrainingRun run) => action(run);
    }
}
