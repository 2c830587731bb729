using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Reference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class LossTests
{
    const double Step = 1e-5;

    [TestMethod]
    [DataRow(2, 0f, false)]
    [DataRow(10, 0f, false)]
    [DataRow(10, 0.1f, false)]
    [DataRow(10, 0f, true)]
    [DataRow(7, 0.3f, true)]
    [DataRow(3, 0.9f, true)]
    public void SoftmaxCrossEntropy_EqualsReferenceAndItsCentralDifferences(int classes, float smoothing, bool weighted)
    {
        const int Count = 5;
        GuardedFloats logits = new(LaneCases.Draw(classes, Count * classes, -4, 4)), probabilities = new(Count * classes), gradient = new(Count * classes);
        int[] labels = [.. Enumerable.Range(0, Count).Select(i => i * 7 % classes)];
        var weights = weighted ? LaneCases.Draw(3, classes, 0.2, 3) : [];
        var loss = Losses.SoftmaxCrossEntropy(logits.Span, labels, smoothing, weights, probabilities.Span, gradient.Span, out _);
        double Reference(double[] z) => ReferenceLayers.SoftmaxCrossEntropy(z, labels, classes, smoothing, weighted ? LaneCases.Doubles(weights) : null);
        var z = LaneCases.Doubles(logits.Span);
        Assert.AreEqual(Reference(z), loss, 1e-7);
        CheckGradient(Reference, z, gradient.Span);
        for (var i = 0; i < Count; i++)
        {
            var expected = ReferenceLayers.Softmax(z.AsSpan(i * classes, classes));
            for (var k = 0; k < classes; k++)
                Assert.AreEqual(expected[k], probabilities.Span[(i * classes) + k], LaneCases.Unit);
        }

        gradient.Check("gradient");
        probabilities.Check("probabilities");
        Losses.SoftmaxCrossEntropy(logits.Span, labels, smoothing, weights, logits.Span, [], out _);
        Assert.IsTrue(logits.Span.SequenceEqual(probabilities.Span), "in place");
    }

    [TestMethod]
    [DataRow(0f, false)]
    [DataRow(0.1f, true)]
    public void MixedLabels_AreTwoImagesWithTheirShares(float smoothing, bool weighted)
    {
        const int Count = 4;
        const int Classes = 3;
        var logits = LaneCases.Draw(5, Count * Classes, -3, 3);
        int[] first = [0, 1, 2, 1], second = [1, 1, 0, 2];
        float[] shares = [0.7f, 0.5f, 1, 0.9f], weights = weighted ? [0.5f, 1, 3] : [];
        var gradient = new float[Count * Classes];
        var loss = Losses.SoftmaxCrossEntropy(logits, first, smoothing, weights, new float[Count * Classes], gradient, out _, new(second, shares));
        double Reference(double[] z) => Halves(0, (labels, w) => ReferenceLayers.SoftmaxCrossEntropy(z, labels, Classes, smoothing, w));
        Assert.AreEqual(Reference(LaneCases.Doubles(logits)), loss, 1e-7);
        CheckGradient(Reference, LaneCases.Doubles(logits), gradient);

        int[] one = [0, 1, 1, 0], other = [1, 1, 0, 0];
        (first, second, weights) = (one, other, weighted ? [0.5f, 2] : []);
        var single = LaneCases.Draw(6, Count, -3, 3);
        loss = Losses.SigmoidCrossEntropy(single, one, smoothing, weights, new float[Count], gradient.AsSpan(0, Count), out _, new(other, shares));
        double OfOne(double[] z) => Halves(0, (labels, w) => ReferenceLayers.SigmoidCrossEntropy(z, labels, smoothing, w));
        Assert.AreEqual(OfOne(LaneCases.Doubles(single)), loss, 1e-7);
        CheckGradient(OfOne, LaneCases.Doubles(single), gradient.AsSpan(0, Count));

        // Each image's loss for each of its labels on its own: the reference gives it where all other images weigh nothing.
        double Halves(double sum, Func<int[], double[]?, double> mean)
        {
            double total = 0;
            for (var i = 0; i < Count; i++)
                foreach (var (label, share) in new[] { (first[i], shares[i]), (second[i], 1 - shares[i]) })
                {
                    var alone = Enumerable.Repeat((label + 1) % 2, Count).ToArray();
                    alone[i] = label;
                    double[] only = [.. Enumerable.Range(0, 3).Select(k => k == label ? 1.0 : 0.0)];
                    var weight = share * (weighted ? weights[label] : 1.0);
                    sum += weight * mean(alone, only);
                    total += weight;
                }

            return sum / total;
        }
    }

    [TestMethod]
    [DataRow(0f, false)]
    [DataRow(0.2f, false)]
    [DataRow(0f, true)]
    [DataRow(0.4f, true)]
    public void SigmoidCrossEntropy_EqualsReferenceAndItsCentralDifferences(float smoothing, bool weighted)
    {
        var logits = LaneCases.Draw(1, 9, -5, 5);
        int[] labels = [0, 1, 1, 0, 1, 0, 0, 0, 1];
        float[] weights = weighted ? [0.4f, 2.5f] : [];
        float[] probabilities = new float[9], gradient = new float[9];
        var loss = Losses.SigmoidCrossEntropy(logits, labels, smoothing, weights, probabilities, gradient, out var correct);
        double Reference(double[] z) => ReferenceLayers.SigmoidCrossEntropy(z, labels, smoothing, weighted ? LaneCases.Doubles(weights) : null);
        Assert.AreEqual(Reference(LaneCases.Doubles(logits)), loss, 1e-7);
        CheckGradient(Reference, LaneCases.Doubles(logits), gradient);
        Assert.AreEqual(logits.Zip(labels).Count(pair => pair.First > 0 == (pair.Second == 1)), correct);
        for (var i = 0; i < 9; i++)
            Assert.AreEqual(ReferenceLayers.Activate(ActivationKind.Sigmoid, 0, logits[i]), probabilities[i], LaneCases.Unit);
    }

    [TestMethod]
    public void SigmoidCrossEntropy_EqualsSoftmaxOfTwoLogits()
    {
        var logits = LaneCases.Draw(2, 6, -3, 3);
        int[] labels = [0, 1, 1, 0, 1, 0];
        float[] two = [.. logits.SelectMany(z => new[] { 0, z })];
        var sigmoid = Losses.SigmoidCrossEntropy(logits, labels, 0.1f, [2, 0.5f], new float[6], [], out var right);
        var softmax = Losses.SoftmaxCrossEntropy(two, labels, 0.1f, [2, 0.5f], new float[12], [], out var correct);
        Assert.AreEqual(softmax, sigmoid, 1e-7);
        Assert.AreEqual(correct, right);
    }

    [TestMethod]
    public void Losses_OfHugeLogitsAreFinite()
    {
        float[] logits = [1e4f, -1e4f, 0], gradient = new float[3];
        var loss = Losses.SoftmaxCrossEntropy(logits, [1], 0, [], new float[3], gradient, out var correct);
        Assert.AreEqual(2e4, loss);
        CollectionAssert.AreEqual(new float[] { 1, -1, 0 }, gradient);
        Assert.AreEqual(0, correct);
        var one = new float[1];
        Assert.AreEqual(1e4, Losses.SigmoidCrossEntropy([1e4f], [0], 0, [], new float[1], one, out _));
        Assert.AreEqual(1f, one[0]);
        Assert.AreEqual(1e4, Losses.SigmoidCrossEntropy([-1e4f], [1], 0, [], new float[1], one, out _));
        Assert.AreEqual(-1f, one[0]);
    }

    [TestMethod]
    public void Losses_OfNaNAreNaN()
    {
        Assert.IsTrue(double.IsNaN(Losses.SoftmaxCrossEntropy([0, float.NaN, 1], [0], 0, [], new float[3], [], out _)));
        Assert.IsTrue(double.IsNaN(Losses.SoftmaxCrossEntropy([float.NaN, 0, 1], [1], 0, [], new float[3], [], out _)));
        Assert.IsFalse(double.IsFinite(Losses.SoftmaxCrossEntropy([0, float.PositiveInfinity, 1], [0], 0, [], new float[3], [], out _)));
        Assert.IsTrue(double.IsNaN(Losses.SigmoidCrossEntropy([float.NaN], [0], 0, [], new float[1], [], out _)));
    }

    [TestMethod]
    public void SoftmaxCrossEntropy_CountsTheFirstOfEqualLogits()
    {
        float[] logits = [1, 1, 0, 2, 5, 5];
        Losses.SoftmaxCrossEntropy(logits, [0, 1], 0, [], new float[6], [], out var correct);
        Assert.AreEqual(2, correct);
        Losses.SoftmaxCrossEntropy(logits, [1, 2], 0, [], new float[6], [], out correct);
        Assert.AreEqual(0, correct);
    }

    [TestMethod]
    public void Softmax_EqualsReference()
    {
        float[] logits = [-200, 3, 3.5f, 90, 89];
        var expected = ReferenceLayers.Softmax(LaneCases.Doubles(logits));
        Losses.Softmax(logits, logits);
        for (var k = 0; k < logits.Length; k++)
            Assert.AreEqual(expected[k], logits[k], LaneCases.Unit);
    }

    static void CheckGradient(Func<double[], double> loss, double[] at, ReadOnlySpan<float> gradient)
    {
        for (var i = 0; i < at.Length; i++)
        {
            double[] up = [.. at], down = [.. at];
            (up[i], down[i]) = (up[i] + Step, down[i] - Step);
            Assert.AreEqual((loss(up) - loss(down)) / (2 * Step), gradient[i], 2e-8 + LaneCases.Unit, $"logit {i}");
        }
    }
}
