using MlNetCifar.Numerics;
using MlNetCifar.Transfer;

namespace MlNetCifar.Tests.Transfer;

/// <summary>The minimiser and the logistic regression against slow references.</summary>
[TestClass]
public sealed class HeadFitterTests
{
    [TestMethod]
    public void Minimize_FindsTheBottomOfAQuadratic()
    {
        double[] curvature = [1, 10, 100, 0.5, 3], bottom = [3, -2, 0.5, 7, -1];
        var point = new double[5];
        var value = Lbfgs.Minimize((x, gradient) =>
        {
            var sum = 0.0;
            for (var i = 0; i < 5; i++)
            {
                gradient[i] = curvature[i] * (x[i] - bottom[i]);
                sum += curvature[i] / 2 * (x[i] - bottom[i]) * (x[i] - bottom[i]);
            }

            return sum;
        }, point, 200, 0);
        Assert.AreEqual(0, value, 1e-12);
        for (var i = 0; i < 5; i++)
            Assert.AreEqual(bottom[i], point[i], 1e-5);
    }

    [TestMethod]
    public void Minimize_FindsTheBottomOfRosenbrocksValley()
    {
        double[] point = [-1.2, 1];
        var value = Lbfgs.Minimize((x, gradient) =>
        {
            var (a, b) = (1 - x[0], x[1] - (x[0] * x[0]));
            gradient[0] = (-2 * a) - (400 * x[0] * b);
            gradient[1] = 200 * b;
            return (a * a) + (100 * b * b);
        }, point, 500, 0);
        Assert.AreEqual(0, value, 1e-9);
    }

    [TestMethod]
    [DataRow(0f, false)]
    [DataRow(0.1f, true)]
    public void Loss_AndGradient_AreTheReferences(float smoothing, bool balanced)
    {
        var rows = Rows(1500, 7, 3);
        var options = new TransferOptions { LabelSmoothing = smoothing, ClassWeights = balanced ? ClassWeighting.Balanced : ClassWeighting.None };
        int[] pictures = [.. Enumerable.Range(0, 1500).Where(i => i % 7 != 2)];
        var scaling = FeatureScaling.Of(rows, pictures);
        using var objective = new HeadObjective(rows, options, CancellationToken.None);
        var random = new Random(4);
        double[] point = [.. Enumerable.Range(0, objective.Length).Select(_ => random.NextDouble() - 0.5)];
        var gradient = new double[point.Length];
        var loss = objective.Loss(pictures, scaling, 0.3)(point, gradient);
        Assert.AreEqual(Reference(rows, pictures, scaling, options, 0.3, point), loss, 1e-5);
        for (var i = 0; i < point.Length; i++)
        {
            double[] up = [.. point], down = [.. point];
            (up[i], down[i]) = (up[i] + 1e-4, down[i] - 1e-4);
            var expected = (Reference(rows, pictures, scaling, options, 0.3, up) - Reference(rows, pictures, scaling, options, 0.3, down)) / 2e-4;
            Assert.AreEqual(expected, gradient[i], 1e-4, $"{i}");
        }
    }

    [TestMethod]
    [DataRow(7, 3, 1)]
    [DataRow(512, 2, 1)]
    [DataRow(512, 2, 2)]
    [DataRow(64, 20, 1)]
    public void Minimize_OfALoss_EndsWhereTheGradientIsNothing(int features, int classes, int views)
    {
        var one = Rows(1200, features, classes, signal: 0.3);
        var rows = one with { Views = [.. Enumerable.Repeat(one.Views[0], views)] };
        int[] pictures = [.. Enumerable.Range(0, 1200)];
        var scaling = FeatureScaling.Of(rows, pictures);
        using var objective = new HeadObjective(rows, new(), CancellationToken.None);
        foreach (var penalty in new[] { 1, 0.03, 0.001 })
        {
            var point = new double[objective.Length];
            var loss = objective.Loss(pictures, scaling, penalty);
            Lbfgs.Minimize(loss, point, 300, 1e-6);
            var gradient = new double[point.Length];
            var value = loss(point, gradient);

            // Strong convexity: the value is within ‖g‖² / 2λ of the least.
            var above = gradient.Take(features * classes).Sum(g => g * g) / (2 * penalty);
            Assert.IsLessThan(1e-3 * value, above, $"penalty {penalty}: {value}");
        }
    }

    [TestMethod]
    public void Fit_IsTheMinimum_ForFeaturesAsTheyAre()
    {
        var rows = Rows(300, 5, 3);
        var head = new HeadFitter(new TransferOptions { Penalty = 0.05f }, CancellationToken.None).Fit(rows, null);

        // What the folded layer says is what the scaled one would: its loss is the reference's at the minimum, which no small step betters.
        var right = 0;
        var loss = 0.0;
        for (var i = 0; i < 300; i++)
        {
            var z = Enumerable.Range(0, 3).Select(k => head.Bias[k] + Enumerable.Range(0, 5).Sum(j => (double)rows.Row(0, i)[j] * head.Matrix[(j * 3) + k])).ToArray();
            right += Array.IndexOf(z, z.Max()) == rows.Labels[i] ? 1 : 0;
            loss += Math.Log(z.Sum(Math.Exp)) - z[rows.Labels[i]];
        }

        Assert.AreEqual(head.Loss, loss / 300, 1e-5);
        Assert.AreEqual(head.Accuracy, right / 300.0, 1e-9);
        Assert.IsGreaterThan(0.8, head.Accuracy);
        Assert.AreEqual("five folds of the training images", head.HeldOut);
    }

    [TestMethod]
    public void Fit_NoiseGetsAStrongPenalty_SignalAWeakOne()
    {
        var noise = Rows(60, 40, 2, signal: 0);
        var signal = Rows(400, 5, 2, signal: 3);
        var strong = new HeadFitter(new(), CancellationToken.None).Fit(noise, null);
        var weak = new HeadFitter(new(), CancellationToken.None).Fit(signal, null);
        Assert.IsGreaterThanOrEqualTo(1, strong.Penalty);
        Assert.IsLessThanOrEqualTo(0.03, weak.Penalty);
    }

    [TestMethod]
    public void Fit_TheOnlyPictureOfAClass_IsLearntAlways_AndThePenaltyChosenByTheOthers()
    {
        var rows = Rows(400, 5, 2, signal: 3);
        var (lonely, expected) = (rows with { Labels = [2, .. rows.Labels[1..]], Classes = 3 }, new HeadFitter(new(), CancellationToken.None).Fit(rows, null));
        var head = new HeadFitter(new(), CancellationToken.None).Fit(lonely, null);
        Assert.AreEqual("five folds of the training images", head.HeldOut);
        Assert.IsLessThanOrEqualTo(0.03, head.Penalty);

        // Held out unlearnt it would cost some ln(1/p) of a class that nobody knows, 400 times less in the mean, whatever the penalty.
        Assert.AreEqual(expected.HeldOutLoss!.Value, head.HeldOutLoss!.Value, 0.01);
        Assert.AreEqual(expected.HeldOutAccuracy!.Value, head.HeldOutAccuracy!.Value, 0.01);
    }

    [TestMethod]
    public void Fit_AFeatureThatNeverChanges_SaysNothing()
    {
        var rows = Rows(100, 4, 2);
        for (var i = 0; i < 100; i++)
            rows.Views[0][(i * 4) + 1] = 7;
        var head = new HeadFitter(new(), CancellationToken.None).Fit(rows, null);
        Assert.AreEqual(0, head.Matrix[2]);
        Assert.AreEqual(0, head.Matrix[3]);
        Assert.IsTrue(head.Bias.All(float.IsFinite));
    }

    static FeatureRows Rows(int count, int features, int classes, double signal = 2)
    {
        var random = new SplitRandom(3, RandomPurpose.Bootstrap);
        var (values, labels) = (new float[count * features], new int[count]);
        for (var i = 0; i < count; i++)
        {
            labels[i] = random.Next(classes + 1) % classes;
            for (var j = 0; j < features; j++)
                values[(i * features) + j] = (float)(10 + (5 * (random.NextGaussian() + (j % classes == labels[i] ? signal : 0))));
        }

        return new FeatureRows([values], labels, classes);
    }

    static double Reference(FeatureRows rows, int[] pictures, FeatureScaling scaling, TransferOptions options, double penalty, double[] point)
    {
        var (d, k) = (rows.Length, rows.Classes);
        var counts = new int[k];
        foreach (var picture in pictures)
            counts[rows.Labels[picture]]++;
        double loss = 0, total = 0;
        foreach (var picture in pictures)
        {
            var weight = options.ClassWeights == ClassWeighting.Balanced ? pictures.Length / ((double)k * counts[rows.Labels[picture]]) : 1;
            var z = new double[k];
            for (var c = 0; c < k; c++)
            {
                z[c] = point[(d * k) + c];
                for (var j = 0; j < d; j++)
                    z[c] += (rows.Row(0, picture)[j] - scaling.Mean[j]) * scaling.Scale[j] * point[(j * k) + c];
            }

            var logSum = Math.Log(z.Sum(Math.Exp));
            for (var c = 0; c < k; c++)
                loss += weight * ((options.LabelSmoothing / k) + (c == rows.Labels[picture] ? 1 - options.LabelSmoothing : 0)) * (logSum - z[c]);
            total += weight;
        }

        return (loss / total) + (penalty / 2 * point.Take(d * k).Sum(w => w * w));
    }
}
