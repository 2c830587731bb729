using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Numerics;

/// <summary>One update from given state, against the formula in double precision.</summary>
[TestClass]
public sealed class OptimizerStepTests
{
    const float Rate = 0.01f;

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Sgd_EqualsDoubleReference(int width) => ForAll(width, (state, pool) =>
    {
        const float Momentum = 0.9f, Decay = 0.05f, Scale = 0.5f;
        foreach (var nesterov in new[] { false, true })
        {
            var (w, g, v) = (state.Doubles(0), state.Doubles(1), state.Doubles(2));
            OptimizerSteps.Sgd(state[0], state[1], state[2], Rate, Momentum, Decay, Scale, nesterov, (SimdWidth)width, pool);
            for (var i = 0; i < w.Length; i++)
            {
                var gradient = (Scale * g[i]) + (Decay * w[i]);
                var velocity = (Momentum * v[i]) + gradient;
                var direction = nesterov ? gradient + (Momentum * velocity) : velocity;
                var size = Math.Abs(Scale * g[i]) + Math.Abs(Decay * w[i]) + Math.Abs(Momentum * v[i]);
                LaneCases.AssertClose(velocity, state[2][i], 4 * LaneCases.Unit * size, $"velocity {i}");
                LaneCases.AssertClose(w[i] - (Rate * direction), state[0][i], LaneCases.Unit * (Math.Abs(w[i]) + (16 * Rate * size)), $"weight {i}");
            }
        }
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Adam_EqualsDoubleReference(int width) => ForAll(width, (state, pool) =>
    {
        const float Beta1 = 0.9f, Beta2 = 0.999f, Epsilon = 1e-8f, Decay = 0.05f, Scale = 0.5f;
        foreach (var (step, decoupled) in new[] { (1, false), (2, true), (1000, false), (1001, true) })
        {
            double[] w = state.Doubles(0), g = state.Doubles(1), m = state.Doubles(2), s = state.Doubles(3);
            OptimizerSteps.Adam(state[0], state[1], state[2], state[3], step, Rate, Beta1, Beta2, Epsilon, Decay, decoupled, Scale, (SimdWidth)width, pool);
            for (var i = 0; i < w.Length; i++)
            {
                var gradient = (Scale * g[i]) + (decoupled ? 0 : Decay * w[i]);
                var first = (Beta1 * m[i]) + ((1.0 - Beta1) * gradient);
                var second = (Beta2 * s[i]) + ((1.0 - Beta2) * gradient * gradient);
                var size = Math.Abs(Scale * g[i]) + Math.Abs(Decay * w[i]) + Math.Abs(m[i]);
                LaneCases.AssertClose(first, state[2][i], 6 * LaneCases.Unit * size, $"first moment {i}");
                LaneCases.AssertClose(second, state[3][i], 10 * LaneCases.Unit * (s[i] + (size * size)), $"second moment {i}");
                var kept = decoupled ? w[i] * (1 - ((double)Rate * Decay)) : w[i];
                var corrected = first / (1 - Math.Pow(Beta1, step)) / (Math.Sqrt(second / (1 - Math.Pow(Beta2, step))) + Epsilon);

                // The moments are checked above; here their own rounding is divided out again.
                var noise = Math.Abs(corrected) * 16 * (1 + (size / Math.Max(Math.Abs(first), 1e-30)) + ((s[i] + (size * size)) / Math.Max(second, 1e-30)));
                LaneCases.AssertClose(kept - (Rate * corrected), state[0][i], LaneCases.Unit * ((3 * Math.Abs(w[i])) + (Rate * noise)), $"weight {i}, step {step}");
            }
        }
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void MovingAverage_EqualsDoubleReference(int width) => ForAll(width, (state, pool) =>
    {
        const float Decay = 0.99f;
        var (average, weights) = (state.Doubles(0), state.Doubles(1));
        OptimizerSteps.MovingAverage(state[0], state[1], Decay, (SimdWidth)width, pool);
        for (var i = 0; i < average.Length; i++)
        {
            var expected = (Decay * average[i]) + ((1.0 - Decay) * weights[i]);
            LaneCases.AssertClose(expected, state[0][i], LaneCases.Unit * (Math.Abs(expected) + (0.02 * (Math.Abs(average[i]) + Math.Abs(weights[i])))), $"{i}");
        }
    });

    [TestMethod]
    [DynamicData(nameof(LaneCases.Widths), typeof(LaneCases))]
    public void Steps_LeaveAlignmentGapsAtZero(int width)
    {
        using var pool = new WorkerPool(1);
        float[] w = new float[40], m = new float[40], s = new float[40];
        OptimizerSteps.Adam(w, new float[40], m, s, 1, Rate, 0.9f, 0.999f, 1e-8f, 0.1f, true, 1, (SimdWidth)width, pool);
        OptimizerSteps.Sgd(w, new float[40], m, Rate, 0.9f, 0.1f, 1, true, (SimdWidth)width, pool);
        Assert.IsTrue(w.Concat(m).Concat(s).All(v => v == 0));
    }

    static void ForAll(int width, Action<State, WorkerPool> body)
    {
        using var pool = new WorkerPool(2);
        foreach (var length in LaneCases.Lengths(width))
        {
            var state = new State(length);
            body(state, pool);
            state.Check();
        }
    }

    /// <summary>Weights, gradients and two moments (the second not negative) between canaries.</summary>
    sealed class State(int length)
    {
        readonly GuardedFloats[] _buffers =
        [
            new(LaneCases.Draw(length, length)), new(LaneCases.Draw(length + 1, length, -2, 2)),
            new(LaneCases.Draw(length + 2, length)), new(LaneCases.Draw(length + 3, length, 0, 1)),
        ];

        public Span<float> this[int buffer] => _buffers[buffer].Span;

        public double[] Doubles(int buffer) => LaneCases.Doubles(this[buffer]);

        public void Check()
        {
            foreach (var buffer in _buffers)
                buffer.Check("state");
        }
    }
}
