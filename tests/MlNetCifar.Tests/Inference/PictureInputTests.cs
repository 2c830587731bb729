using MlNetCifar.Explain;
using MlNetCifar.Imaging;
using MlNetCifar.Nn;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Inference;

/// <summary>Pictures given in every form, wrong ones and cancelled work included.</summary>
[TestClass]
public sealed class PictureInputTests
{
    [TestMethod]
    public async Task ClassifyAsync_OfFiles_KeepsTheirOrder_AndABadOneDoesNotEndTheRest()
    {
        using var model = SmallModel.Create();
        using var folder = new TestFolder();
        List<string> paths = [];
        for (var i = 0; i < 20; i++)
        {
            folder.Add($"{i}.png", i == 7 ? [1, 2, 3] : TestImages.Png(i, 20 + i, 20));
            paths.Add(folder[$"{i}.png"]);
        }

        paths.Insert(3, folder["none.png"]);
        foreach (var threads in new int?[] { null, 1, 5, 40 })
        {
            var answers = new List<FileClassification>();
            await foreach (var answer in model.ClassifyAsync(paths, 2, threads))
                answers.Add(answer);
            CollectionAssert.AreEqual(paths, answers.Select(a => a.Path).ToArray());
            Assert.AreEqual(("MNC1210", "MNC1202"), (answers[3].Fault!.Code, answers[8].Fault!.Code));
            Assert.AreEqual(paths[3], answers[3].Fault!.Path);
            for (var i = 0; i < answers.Count; i++)
                if (i is not (3 or 8))
                    CollectionAssert.AreEqual(model.Predict(paths[i], 2).ToArray(), answers[i].Answer!.Predictions.ToArray());
        }
    }

    [TestMethod]
    public async Task PredictAsync_EndsAtTheFirstFileThatCannotBeUsed()
    {
        using var model = SmallModel.Create();
        using var folder = new TestFolder();
        folder.Add("1.png", TestImages.Png(1)).Add("2.png", []).Add("3.png", TestImages.Png(3));
        var found = 0;
        var fault = await Assert.ThrowsExactlyAsync<MlNetCifarException>(async () =>
        {
            await foreach (var predictions in model.PredictAsync([folder["1.png"], folder["2.png"], folder["3.png"]], 1, threads: 3))
                found += predictions.Count;
        });
        Assert.AreEqual(("MNC1201", 1), (fault.Code, found));
    }

    [TestMethod]
    public async Task ClassifyAsync_StoppedEarly_IsOverWhenItReturns()
    {
        var model = SmallModel.Create();
        using var folder = new TestFolder().Add("1.png", TestImages.Png(1, 300, 300));
        await foreach (var _ in model.ClassifyAsync(Enumerable.Repeat(folder["1.png"], 1000), 1, threads: 6))
            break;
        model.Dispose();
        Assert.AreEqual(0, model.Weights.Packed.Bytes);
    }

    [TestMethod]
    public async Task CancelledWork_Throws_ForOnePictureAsForMany()
    {
        using var plain = SmallModel.Create();
        using var calibrated = plain.Calibrate(SmallModel.Images(60), views: TestTimeViews.Flip);
        using var folder = new TestFolder().Add("1.png", TestImages.Png(1));
        using var stopped = new CancellationTokenSource();
        await stopped.CancelAsync();
        var (token, file, image) = (stopped.Token, TestImages.Png(1), new RgbImage(9, 7));
        foreach (var model in new[] { plain, calibrated })
        {
            Stops(() => model.Predict(folder["1.png"], cancellation: token));
            Stops(() => model.Predict(file, cancellation: token));
            Stops(() => model.Predict(new MemoryStream(file), cancellation: token));
            Stops(() => model.Predict(image, cancellation: token));
            Stops(() => model.Classify([image, image], cancellation: token));
            Stops(() => model.Classify([image], cancellation: token));
            Stops(() => model.ClassifyAsync(new MemoryStream(file), cancellation: token).GetAwaiter().GetResult());
            Stops(() => model.ClassifyAsync([folder["1.png"]], cancellation: token).ToBlockingEnumerable().Count());
            foreach (var count in new[] { 1, 5 })
            {
                Stops(() => model.Score(SmallModel.Images(count), cancellation: token));
                Stops(() => model.Logits(SmallModel.Images(count), cancellation: token));
                Stops(() => model.Features(SmallModel.Images(count), cancellation: token));
                Stops(() => model.Evaluate(SmallModel.Images(count), cancellation: token));
                Stops(() => model.Calibrate(SmallModel.Images(count), cancellation: token));
            }

            using var explainer = new GradCam(model);
            Stops(() => explainer.Explain(image, cancellation: token));
            Stops(() => Occlusion.Explain(model, SmallModel.Images(1).Pixels.Span, cancellation: token));
        }

        static void Stops(Action work) => Assert.Throws<OperationCanceledException>(work);
    }

    [TestMethod]
    public void MissingInputs_AreFaultsOfTheProgram()
    {
        using var model = SmallModel.Create();
        using var explainer = new GradCam(model);
        var image = new RgbImage(3, 2);
        Refuses<ArgumentNullException>(
            () => model.Predict((RgbImage)null!), () => model.Predict((Stream)null!), () => model.Predict((string)null!), () => model.Classify((IEnumerable<RgbImage>)null!),
            () => model.ClassifyAsync((IEnumerable<string>)null!), () => model.ClassifyAsync((Stream)null!).GetAwaiter().GetResult(), () => model.Score(null!), () => model.Logits(null!),
            () => model.Features(null!), () => model.Evaluate(null!), () => model.Calibrate(null!), () => ImageClassifier.Load((string)null!), () => ImageClassifier.Load((Stream)null!), () => ImageClassifier.LoadFrom("x", null!),
            () => model.Save((string)null!), () => model.Save((Stream)null!), () => new GradCam(null!), () => GradCam.Layers(null!), () => explainer.Explain((RgbImage)null!), () => explainer.Explain((string)null!),
            () => Occlusion.Explain(null!, new byte[144]), () => Occlusion.Judge(model, new byte[144], null!), () => Heatmap.Average(null!), () => new MeanHeatmap().Add(null!),
            () => HeatmapOverlay.Draw(null!, [], 3), () => new Preprocessor(null!), () => new Preprocessor(new PreprocessSpec()).Apply((RgbImage)null!, new byte[3072]),
            () => RgbImage.Load((string)null!), () => RgbImage.Load((Stream)null!));
        Refuses<ArgumentException>(
            () => model.Predict(""), () => model.Predict((byte[])null!), () => model.Classify(default(ReadOnlySpan<byte>)), () => ImageClassifier.Load(""), () => model.Save(""),
            () => model.Classify([image, null!]), () => model.ClassifyAsync([""]).ToBlockingEnumerable().Count(), () => explainer.Explain(default(ReadOnlySpan<byte>)), () => explainer.Explain(""),
            () => Occlusion.Explain(model, default), () => RgbImage.Decode(default), () => RgbImage.FromPixels(default, 1, 1), () => RgbImage.FromPixels(new byte[7], 2, 1));
        Refuses<ArgumentOutOfRangeException>(
            () => model.Predict(image, 0), () => model.ClassifyAsync(["a"], 0), () => model.ClassifyAsync(["a"], threads: 0), () => model.Classify([image], threads: 0),
            () => model.Score(SmallModel.Images(2), threads: 0), () => RgbImage.FromPixels([], 0, 1), () => RgbImage.FromPixels([], 1, -1));
        Assert.AreEqual("MNC1201", Assert.ThrowsExactly<MlNetCifarException>(() => model.Predict(Array.Empty<byte>())).Code);

        static void Refuses<TException>(params Action[] calls)
            where TException : Exception
        {
            for (var i = 0; i < calls.Length; i++)
                Assert.ThrowsExactly<TException>(calls[i], $"call {i}");
        }
    }

    [TestMethod]
    public void RgbImage_FromPixelsBytesFileAndStream_IsTheSame()
    {
        var pixels = TestImages.Pixels(5, 7, 4);
        using var folder = new TestFolder().Add("5.png", TestImages.Png(5, 7, 4));
        var file = File.ReadAllBytes(folder["5.png"]);
        using var stream = new OneByteStream([9, 9, .. file]);
        stream.ReadExactly(new byte[2]);
        foreach (var image in new[] { RgbImage.FromPixels(pixels, 7, 4), RgbImage.Decode(file), RgbImage.Load(folder["5.png"]), RgbImage.Load(new MemoryStream(file)), RgbImage.Load(stream) })
        {
            Assert.AreEqual((7, 4), (image.Width, image.Height));
            CollectionAssert.AreEqual(pixels, image.Pixels.ToArray());
        }

        var small = new DecodeOptions { MaxFileBytes = file.Length - 1 };
        Assert.AreEqual("MNC1207", Assert.ThrowsExactly<MlNetCifarException>(() => RgbImage.Load(folder["5.png"], small)).Code);
        Assert.AreEqual("MNC1207", Assert.ThrowsExactly<MlNetCifarException>(() => RgbImage.Load(new OneByteStream(file), small)).Code);
        Assert.AreEqual("MNC1210", Assert.ThrowsExactly<MlNetCifarException>(() => RgbImage.Load(folder["6.png"])).Code);
        Assert.AreEqual("MNC1211", Assert.ThrowsExactly<MlNetCifarException>(() => RgbImage.Load(folder.Root)).Code);
    }

    [TestMethod]
    public void Features_AreTheInputsOfTheLastDenseLayer_OrRefused()
    {
        using var model = SmallModel.Create();
        Assert.AreEqual(7, model.FeatureCount);
        Assert.HasCount(7 * 9, model.Features(SmallModel.Images(9)));
        var spec = new NetworkSpec { Name = "line", Height = 8, Width = 6, Channels = 3, Classes = 3, Layers = [new Flatten(), new Linear(3)] };
        using var line = new ImageClassifier(NetworkWeights.Initialize(spec, 2), ["a", "b", "ç"], new PreprocessSpec { Width = 6, Height = 8 }, MlNetCifar.Normalization.None(3));
        Assert.AreEqual("MNC4009", Assert.ThrowsExactly<MlNetCifarException>(() => line.Features(SmallModel.Images(2))).Code);
    }

    [TestMethod]
    public void Callers_BeyondTheIdleLanes_GiveTheirMemoryBack()
    {
        using var model = SmallModel.Create();
        var image = RgbImage.FromPixels(TestImages.Pixels(1, 9, 7), 9, 7);
        var expected = model.Classify(image).Predictions.ToArray();
        var packed = model.Weights.Packed.Bytes;
        Parallel.For(0, 500, new ParallelOptions { MaxDegreeOfParallelism = 32 }, _ => CollectionAssert.AreEqual(expected, model.Classify(image).Predictions.ToArray()));
        Assert.AreEqual(packed, model.Weights.Packed.Bytes);
        Assert.IsLessThanOrEqualTo(2 * Environment.ProcessorCount, model.IdleLanes);
    }

    /// <summary>Does not seek, and gives a byte at a time.</summary>
    sealed class OneByteStream(byte[] content) : Stream
    {
        readonly MemoryStream _inner = new(content);

        public override bool CanRead => true;

        public override bool CanSeek => false;

        public override bool CanWrite => false;

        public override long Length => throw new NotSupportedException();

        public override long Position { get => throw new NotSupportedException(); set => throw new NotSupportedException(); }

        public override int Read(byte[] buffer, int offset, int count) => _inner.Read(buffer, offset, Math.Min(1, count));

        public override void Flush() => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();

        public override void Write(byte[] buffer, int offset, int count) => throw new NotSupportedException();
    }
}
