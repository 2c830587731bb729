using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.Reference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Numerics;

[TestClass]
public sealed class ActivationTests
{
    const float Slope = 0.125f;

    // Smallest normal number: eˣ is clamped there, and below it relative errors mean nothing.
    const double Tiny = 1.2e-38;

    public static IEnumerable<object[]> Cases => from kind in Enum.GetValues<ActivationKind>() from width in SimdLevel.Available select new object[] { kind, (int)width };

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Forward_EqualsDoubleReference(ActivationKind kind, int width)
    {
        using var pool = new WorkerPool(2);
        foreach (var length in LaneCases.Lengths(width))
        {
            var values = Inputs(length);
            GuardedFloats x = new(values), y = new(length);
            Activations.Forward(new Activation(kind).Kernel, Slope, x.Span, y.Span, (SimdWidth)width, pool);
            for (var i = 0; i < length; i++)
            {
                var expected = ReferenceLayers.Activate(kind, Slope, values[i]);
                LaneCases.AssertClose(expected, y.Span[i], ForwardTolerance(kind, values[i], expected), $"{kind}({values[i]}), {i} of {length}");
            }

            CollectionAssert.AreEqual(values, x.Span.ToArray(), "the input changed");
            x.Check("x");
            y.Check("y");
            Activations.Forward(new Activation(kind).Kernel, Slope, x.Span, x.Span, (SimdWidth)width, pool);
            CollectionAssert.AreEqual(y.Span.ToArray(), x.Span.ToArray(), "in place");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Backward_EqualsDoubleReference(ActivationKind kind, int width)
    {
        using var pool = new WorkerPool(2);
        foreach (var length in LaneCases.Lengths(width))
        {
            var values = Inputs(length);
            var gradY = LaneCases.Draw(length + 1, length, -2, 2);
            GuardedFloats saved = new(values), g = new(gradY), gradX = new(length);
            if (!new Activation(kind).Kernel.BackwardNeedsInput)
                Activations.Forward(new Activation(kind).Kernel, Slope, saved.Span, saved.Span, (SimdWidth)width, pool);
            Activations.Backward(new Activation(kind).Kernel, Slope, saved.Span, g.Span, gradX.Span, (SimdWidth)width, pool);
            for (var i = 0; i < length; i++)
            {
                var expected = gradY[i] * ReferenceLayers.Derivative(kind, Slope, values[i]);

                // A few roundings of factors below 1.2, and for GELU the error of the distribution function.
                var tolerance = Math.Abs(gradY[i]) * (kind <= ActivationKind.LeakyRelu ? LaneCases.Unit : (16 * LaneCases.Unit) + 0.75e-7);
                LaneCases.AssertClose(expected, gradX.Span[i], tolerance, $"{kind}'({values[i]}), {i} of {length}");
            }

            saved.Check("saved");
            g.Check("gradY");
            gradX.Check("gradX");
            Activations.Backward(new Activation(kind).Kernel, Slope, saved.Span, g.Span, g.Span, (SimdWidth)width, pool);
            CollectionAssert.AreEqual(gradX.Span.ToArray(), g.Span.ToArray(), "in place");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Passes_AgreeBitwiseWithTheScalarPath(ActivationKind kind, int width)
    {
        using var pool = new WorkerPool(3);
        var x = Inputs(20_000);
        float[] wide = new float[x.Length], narrow = new float[x.Length];
        Activations.Forward(new Activation(kind).Kernel, Slope, x, wide, (SimdWidth)width, pool);
        Activations.Forward(new Activation(kind).Kernel, Slope, x, narrow, SimdWidth.Scalar, pool);
        CollectionAssert.AreEqual(narrow, wide);
        Activations.Backward(new Activation(kind).Kernel, Slope, narrow, x, wide, (SimdWidth)width, pool);
        Activations.Backward(new Activation(kind).Kernel, Slope, narrow, x, narrow, SimdWidth.Scalar, pool);
        CollectionAssert.AreEqual(narrow, wide);
    }

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Forward_KeepsNaN(ActivationKind kind, int width)
    {
        using var pool = new WorkerPool(1);
        var x = new float[33];
        Array.Fill(x, float.NaN);
        Activations.Forward(new Activation(kind).Kernel, Slope, x, x, (SimdWidth)width, pool);
        Assert.IsTrue(x.All(float.IsNaN));
    }

    [TestMethod]
    public void Exp_HasTheRelativeErrorItStates()
    {
        var worst = 0.0;
        for (var x = -87.0; x < 88.0; x += 0.00137)
        {
            var argument = (float)x;
            var expected = Math.Exp(argument);
            worst = Math.Max(worst, Math.Abs(LaneMath.Exp<Lanes1, float>(argument) - expected) / expected);
        }

        Assert.IsLessThan(2 * Math.Pow(2, -23), worst);
    }

    [TestMethod]
    public void Derivative_OfTheReferenceIsItsCentralDifference()
    {
        foreach (var kind in Enum.GetValues<ActivationKind>())
            for (var x = -6.05; x < 6.1; x += 0.1)
            {
                const double Step = 1e-5;
                var slope = (ReferenceLayers.Activate(kind, Slope, x + Step) - ReferenceLayers.Activate(kind, Slope, x - Step)) / (2 * Step);
                Assert.AreEqual(slope, ReferenceLayers.Derivative(kind, Slope, x), 1e-9, $"{kind} at {x}");
            }
    }

    [TestMethod]
    public void Passes_RefuseDifferentLengths()
    {
        using var pool = new WorkerPool(1);
        Assert.ThrowsExactly<ArgumentException>(() => Activations.Forward(Activations.Relu, 0, new float[3], new float[4], SimdWidth.Scalar, pool));
        Assert.ThrowsExactly<ArgumentException>(() => Activations.Backward(Activations.Relu, 0, new float[3], new float[4], new float[3], SimdWidth.Scalar, pool));
        Assert.ThrowsExactly<ArgumentException>(() => Activations.Backward(Activations.Relu, 0, new float[3], new float[3], new float[2], SimdWidth.Scalar, pool));
    }

    static double ForwardTolerance(ActivationKind kind, double x, double y) => kind switch
    {
        ActivationKind.Relu => 0,
        ActivationKind.LeakyRelu => LaneCases.Unit * Math.Abs(y),
        ActivationKind.Sigmoid => (8 * LaneCases.Unit * y) + Tiny,
        ActivationKind.Silu => (10 * LaneCases.Unit * Math.Abs(y)) + (Math.Abs(x) * Tiny),

        // Twice a sigmoid less one: absolute, not relative.
        ActivationKind.Tanh => 10 * LaneCases.Unit,

        // Abramowitz and Stegun 7.1.26: 1.5e-7 in erf, half of it in the distribution function.
        _ => Math.Abs(x) * (0.75e-7 + (6 * LaneCases.Unit)),
    };

    /// <summary>The origin, both signs, the usual range, and tails beyond the clamp of eˣ.</summary>
    static float[] Inputs(int length)
    {
        var x = LaneCases.Draw(length, length, -6, 6);
        float[] special = [0, -0f, 88, -88, 100, -100, 30, -30, 1e-8f, -1e-8f, 1e-30f, -1e-30f];
        for (var i = 0; i < length; i += 3)
            x[i] = special[i / 3 % special.Length];
        return x;
    }
}
