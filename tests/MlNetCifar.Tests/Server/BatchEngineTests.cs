using MlNetCifar.Server;
using MlNetCifar.Server.Batching;
using MlNetCifar.Server.Models;
using MlNetCifar.Server.Monitoring;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Server;

[TestClass]
public sealed class BatchEngineTests
{
    static readonly ServingOptions s_options = new() { ModelsFolder = ".", BatchSize = 4, Threads = 1, BatchDelay = TimeSpan.FromMilliseconds(200) };

    [TestMethod]
    public async Task FewOfOneModel_DoNotWaitForManyOfAnother()
    {
        using var folder = new TestFolder();
        using var meter = new ServerMeter();
        using var engine = new BatchEngine(s_options, meter);
        var (busy, quiet) = (Load(folder, "busy"), Load(folder, "quiet"));
        PictureJob[] many = [.. Enumerable.Range(0, 400).Select(_ => Job(busy))];
        var all = many.Select(job => engine.ScoreAsync(job, default)).ToArray();
        var few = Enumerable.Range(0, 3).Select(_ => Job(quiet)).ToArray();
        var others = few.Select(job => engine.ScoreAsync(job, default)).ToArray();
        await Task.WhenAll([.. all, .. others]);
        var later = many.Count(job => job.Started > few.Max(j => j.Started));
        Assert.IsGreaterThan(300, later, "of 400 that came first");
        busy.Release();
        quiet.Release();
    }

    [TestMethod]
    public async Task WhoHasGone_IsNotScored()
    {
        using var folder = new TestFolder();
        using var meter = new ServerMeter();
        using var engine = new BatchEngine(s_options, meter);
        var model = Load(folder, "model");
        using var gone = new CancellationTokenSource();
        var (leaver, stayer) = (Job(model), Job(model));
        var left = engine.ScoreAsync(leaver, gone.Token);
        var stayed = engine.ScoreAsync(stayer, default);
        await gone.CancelAsync();
        await Assert.ThrowsAsync<OperationCanceledException>(() => left);
        Assert.IsNotEmpty((await stayed).Predictions);
        Assert.IsFalse(leaver.Answer.IsCompleted, "nobody computed it");
        StringAssert.Contains(meter.Text.Write(), "mlnetcifar_batch_size_sum{model=\"model\"} 1\n");
        model.Release();
    }

    [TestMethod]
    public async Task BatchThatNobodyWaitsFor_IsGivenUp()
    {
        using var folder = new TestFolder();
        using var meter = new ServerMeter();
        using var engine = new BatchEngine(s_options with { BatchDelay = TimeSpan.Zero }, meter);

        // A network of a size that is under way for long enough to be left.
        var path = folder["large.safetensors"];
        var spec = Architectures.Create("resnet18", 64, 64, 3, 10);
        using (var large = new ImageClassifier(MlNetCifar.Nn.NetworkWeights.Initialize(spec, 1), [.. Enumerable.Range(0, 10).Select(i => $"{i}")], new PreprocessSpec { Width = 64, Height = 64 }, new Normalization([0.4f, 0.5f, 0.6f], [0.2f, 0.3f, 0.25f])))
            large.Save(path);
        var model = LoadedModel.Open(ModelFileInfo.Of("large", null, path)!, 1, s_options);
        var isGivenUp = false;
        for (var round = 0; round < 20 && !isGivenUp; round++)
        {
            using var gone = new CancellationTokenSource();
            PictureJob[] jobs = [.. Enumerable.Range(0, 4).Select(_ => Job(model))];
            var answers = jobs.Select(job => engine.ScoreAsync(job, gone.Token)).ToArray();
            while (!jobs.Any(job => job.Started != 0))
                await Task.Yield();
            await gone.CancelAsync();
            foreach (var answer in answers)
                await Assert.ThrowsAsync<OperationCanceledException>(() => answer);

            // Of a batch that was begun, rather than left before.
            isGivenUp = jobs.Any(job => job.Answer.IsCanceled);
        }

        Assert.IsTrue(isGivenUp);
        Assert.IsNotEmpty((await engine.ScoreAsync(Job(model), default)).Predictions, "it goes on with the next");
        model.Release();
    }

    [TestMethod]
    public async Task OneWhoHasGone_TakesNobodysAnswerAway()
    {
        using var folder = new TestFolder();
        using var meter = new ServerMeter();
        using var engine = new BatchEngine(s_options with { BatchDelay = TimeSpan.Zero }, meter);
        var model = Load(folder, "model");
        for (var round = 0; round < 200; round++)
        {
            using var gone = new CancellationTokenSource();
            var (stayer, leaver) = (engine.ScoreAsync(Job(model), default), engine.ScoreAsync(Job(model), gone.Token));
            gone.Cancel();
            Assert.IsNotEmpty((await stayer).Predictions);
            await leaver.ContinueWith(_ => { }, TaskScheduler.Default);
        }

        model.Release();
    }

    [TestMethod]
    public void Admission_CountsAndForgets()
    {
        using var meter = new ServerMeter();
        var options = s_options with { MaxPictures = 3, MaxPixelsAtOnce = 100, MaxBytesAtOnce = 50 };
        using var engine = new BatchEngine(options, meter);
        var admission = new Admission(options, engine);
        using (admission.PicturesOf(2, 60))
        {
            Assert.AreEqual(429, Assert.ThrowsExactly<RequestFault>(() => admission.PicturesOf(2, 1)).Status);
            Assert.AreEqual("MNC8006", Assert.ThrowsExactly<RequestFault>(() => admission.PicturesOf(1, 41)).Code);
            admission.PicturesOf(1, 40).Dispose();
        }

        // Alone, even what is more than the limit is let in.
        using (admission.PicturesOf(9, 1000))
            Assert.AreEqual(1000, admission.Pixels);
        using var body = admission.Body(51);
        Assert.ThrowsExactly<RequestFault>(() => admission.Body(1));
        body.Dispose();
        body.Dispose();
        Assert.AreEqual((0, 0, 0L), (admission.Pictures, admission.Pixels, admission.Bytes));
    }

    static LoadedModel Load(TestFolder folder, string name)
    {
        var path = folder[$"{name}.safetensors"];
        using (var model = SmallModel.Create())
            model.Save(path);
        return LoadedModel.Open(ModelFileInfo.Of(name, null, path)!, 1, s_options);
    }

    static PictureJob Job(LoadedModel model) => new(model, new byte[model.Classifier.Preprocess.Length], 3);
}
