using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

/// <summary>Hinton's loss: its value and gradient, and networks that learn from a teacher.</summary>
[TestClass]
public sealed class DistillationTests
{
    static readonly TrainingOptions s_options = new() { Epochs = 4, BatchSize = 16, LearningRate = 0.01f, Seed = 3, Threads = 2 };

    [TestMethod]
    [DataRow(5, 4f, 0.9f)]
    [DataRow(3, 1f, 1f)]
    [DataRow(2, 20f, 0.3f)]
    [DataRow(1, 2f, 0.5f)]
    public void Loss_IsTheFormula_AndItsGradientTheDifference(int outputs, float temperature, float share)
    {
        const int count = 6;
        float[] z = LaneCases.Draw(1, count * outputs, -6, 6), t = LaneCases.Draw(2, count * outputs, -9, 9);
        int[] labels = [.. Enumerable.Range(0, count).Select(i => i % Math.Max(2, outputs))], second = [.. labels.Reverse()];
        float[] shares = [1, 0.5f, 0.25f, 0.75f, 1, 0.1f], weights = [.. Enumerable.Range(0, Math.Max(2, outputs)).Select(i => 0.5f + i)];
        var gradient = new float[z.Length];
        Assert.AreEqual(Expected(LaneCases.Doubles(z)), Mixed(z, gradient), 1e-5);
        for (var at = 0; at < z.Length; at++)
        {
            var (up, down) = (LaneCases.Doubles(z), LaneCases.Doubles(z));
            (up[at], down[at]) = (up[at] + 1e-4, down[at] - 1e-4);
            Assert.AreEqual((Expected(up) - Expected(down)) / 2e-4, gradient[at], 1e-5);
        }

        double Mixed(float[] logits, float[] into)
        {
            var mix = new LabelMix(second, shares);
            var loss = outputs == 1
                ? Losses.SigmoidCrossEntropy(logits, labels, 0, weights, new float[logits.Length], into, out _, mix)
                : Losses.SoftmaxCrossEntropy(logits, labels, 0, weights, new float[logits.Length], into, out _, mix);
            return DistillationLoss.Mix(loss, logits, t, labels, temperature, share, weights, into, mix);
        }

        double Expected(double[] logits)
        {
            double sum = 0, total = 0;
            for (var i = 0; i < count; i++)
            {
                var (first, other) = (shares[i] * weights[labels[i]], (1 - shares[i]) * weights[second[i]]);
                total += first + other;
                var own = Probabilities(logits, i, 1);
                sum -= (1 - share) * ((first * Math.Log(own[labels[i]])) + (other * Math.Log(own[second[i]])));
                var (p, q) = (Probabilities(LaneCases.Doubles(t), i, temperature), Probabilities(logits, i, temperature));
                sum += share * temperature * temperature * (first + other) * p.Zip(q, (a, b) => a * Math.Log(a / b)).Sum();
            }

            return sum / total;
        }

        double[] Probabilities(double[] logits, int i, double by)
        {
            double[] row = outputs == 1 ? [0, logits[i]] : logits[(i * outputs)..((i + 1) * outputs)];
            return [.. row.Select(value => Math.Exp(value / by) / row.Sum(other => Math.Exp(other / by)))];
        }
    }

    [TestMethod]
    public void TeacherAlone_IsLearned()
    {
        // The labels say nothing: what is learned of the classes is the teacher's.
        var images = TinyData.Balanced(4, 16);
        using var teacher = Fit(images, null, s_options with { Epochs = 12 });
        var wrong = Shuffled(images);
        using var alone = Fit(wrong, null, s_options with { Epochs = 12 });
        using var taught = Fit(wrong, new Distillation { Teacher = teacher, Weight = 1, Temperature = 2 }, s_options with { Epochs = 12, Seed = 8 });
        Assert.IsGreaterThan(0.85, Agreement(teacher, taught, images));
        Assert.IsGreaterThan(Agreement(teacher, alone, images) + 0.2, Agreement(teacher, taught, images));
    }

    [TestMethod]
    public void TeacherWithoutWeight_ChangesNothing()
    {
        var images = TinyData.Balanced(4, 8);
        using var teacher = Fit(images, null, s_options with { Seed = 5 });
        using var alone = Fit(images, null, s_options);
        using var taught = Fit(images, new Distillation { Teacher = teacher, Weight = 0 }, s_options);
        Assert.AreEqual(alone.WeightsSha256, taught.WeightsSha256);
    }

    [TestMethod]
    public void TeacherOfAnotherScaling_SeesItsOwn()
    {
        var images = TinyData.Balanced(4, 8);
        using var teacher = Fit(images, null, s_options with { Seed = 5 });
        using var other = Rescaled(teacher);
        using var a = Fit(images, new Distillation { Teacher = teacher, Weight = 1 }, s_options);
        using var b = Fit(images, new Distillation { Teacher = other, Weight = 1 }, s_options);
        var (first, second) = (a.Score(images), b.Score(images));
        for (var i = 0; i < first.Length; i++)
            Assert.AreEqual(first[i], second[i], 1e-2);
    }

    [TestMethod]
    public void Ensemble_CanTeach_OnAnyNumberOfThreads()
    {
        var images = TinyData.Balanced(4, 8);
        using var a = Fit(images, null, s_options with { Seed = 5 });
        using var b = Fit(images, null, s_options with { Seed = 6 });
        using var both = ModelEnsemble.Average([a, b]);
        var distillation = new Distillation { Teacher = both };
        using var one = Fit(images, distillation, s_options with { Threads = 1 });
        using var three = Fit(images, distillation, s_options with { Threads = 3 });
        Assert.AreEqual(one.WeightsSha256, three.WeightsSha256);
        Assert.AreEqual(a.Network, one.Network, "as fast as without");
    }

    [TestMethod]
    public void Resume_NeedsTheTeacher_AndGivesTheSameWeights()
    {
        using var folder = new TestFolder();
        var images = TinyData.Balanced(4, 8);
        using var a = Fit(images, null, s_options with { Seed = 5 });
        using var b = Fit(images, null, s_options with { Seed = 6 });
        var taught = new Distillation { Teacher = a };
        Run(taught, s_options with { Epochs = 2 }, false).Dispose();
        foreach (var other in new[] { null, new Distillation { Teacher = b }, taught with { Temperature = 5 } })
            Assert.AreEqual("MNC3029", Assert.ThrowsExactly<MlNetCifarException>(() => Run(other, s_options, true)).Code);

        // The rates follow the length of the run: half of it, then the rest, is another run than all at once, unless they are constant.
        var constant = s_options with { Schedule = ScheduleKind.Constant };
        using var once = Fit(images, taught, constant);
        using var half = Run(taught, constant with { Epochs = 2 }, false, "c");
        using var rest = Run(taught, constant, true, "c");
        Assert.AreEqual(once.WeightsSha256, rest.Weights.Sha256());

        TrainingResult Run(Distillation? distillation, TrainingOptions options, bool resume, string name = "a") =>
            new Trainer(TinyData.Network(4), options) { Distillation = distillation, Checkpoints = new() { Folder = folder[name], Resume = resume } }.Fit(images);
    }

    [TestMethod]
    public void TeacherThatDoesNotFit_IsNamed()
    {
        var images = TinyData.Balanced(4, 8);
        using var three = Fit(TinyData.Balanced(3, 8), null, s_options);
        using var small = SmallModel.Create();
        using var teacher = Fit(images, null, s_options);
        Assert.AreEqual("MNC3028", Fault(new Distillation { Teacher = three }).Code);
        StringAssert.Contains(Fault(new Distillation { Teacher = three }).Reason, "classes");
        Assert.AreEqual("MNC3028", Fault(new Distillation { Teacher = small }).Code);
        StringAssert.Contains(Fault(new Distillation { Teacher = teacher, Temperature = 0 }).Reason, "Distillation.Temperature");
        StringAssert.Contains(Fault(new Distillation { Teacher = teacher, Weight = 1.5f }).Reason, "Distillation.Weight");

        MlNetCifarException Fault(Distillation distillation) =>
            Assert.ThrowsExactly<MlNetCifarException>(() => new Trainer(TinyData.Network(4), s_options) { Distillation = distillation }.Fit(images));
    }

    [TestMethod]
    public void Step_AllocatesNothing()
    {
        var images = TinyData.Balanced(4, 8);
        using var teacher = Fit(images, null, s_options);
        var normalization = Normalization.Compute(images);
        using var session = new TrainingSession(TinyData.Network(4), s_options, images, normalization, null, new Distillation { Teacher = teacher });
        using var loader = new BatchLoader(images, normalization, new BatchLoaderOptions { BatchSize = 16 });
        loader.Start(0);
        var batch = loader.Next()!;
        Assert.AreEqual(0, Allocation.Least(session.Pool, () => session.Step(batch, 0, out _)));
    }

    static ImageClassifier Fit(ImageSource images, Distillation? distillation, TrainingOptions options)
    {
        using var result = new Trainer(TinyData.Network(images.Classes.Count), options) { Distillation = distillation }.Fit(images);
        return result.ToClassifier(new PreprocessSpec { Width = images.Width, Height = images.Height, Channels = images.Channels });
    }

    static ImageClassifier Rescaled(ImageClassifier model)
    {
        // The same function of the pixels: a first layer undoes the other scaling.
        var scaling = new Normalization([0.2f, 0.3f, 0.4f], [0.5f, 0.6f, 0.7f]);
        return new ImageClassifier(MlNetCifar.Inference.InputScaling.Weights(model, scaling), model.Classes, model.Preprocess, scaling);
    }

    static double Agreement(ImageClassifier a, ImageClassifier b, ImageSource images) =>
        Answers(a, images).Zip(Answers(b, images), (x, y) => x == y ? 1.0 : 0).Average();

    static int[] Answers(ImageClassifier model, ImageSource images)
    {
        var scores = model.Score(images);
        var classes = model.Classes.Length;
        return [.. Enumerable.Range(0, images.Count).Select(i => Enumerable.Range(0, classes).MaxBy(k => scores[(i * classes) + k]))];
    }

    static ImageSet Shuffled(ImageSource images)
    {
        var pixels = new byte[images.Count * images.ImageLength];
        for (var i = 0; i < images.Count; i++)
            images.CopyPixels(i, pixels.AsSpan(i * images.ImageLength, images.ImageLength));
        int[] labels = [.. Enumerable.Range(0, images.Count).Select(images.Label)];
        new Random(4).Shuffle(labels);
        return new ImageSet(pixels, labels, images.Width, images.Height, images.Channels, images.Classes);
    }
}
