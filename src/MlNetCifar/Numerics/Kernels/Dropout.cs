namespace MlNetCifar.Numerics;

/// <summary>
/// Inverted dropout: each element is zeroed with probability p, else divided by 1 − p. The mask is a function of (seed, layer, step, element),
/// so the backward pass draws it again instead of storing it.
/// </summary>
internal static unsafe class Dropout
{
    /// <summary>y = mask ⊙ x / (1 − p). Serves both passes: forward with x, backward with ∂loss/∂y.</summary>
    /// <param name="rate">p, 0 ≤ p &lt; 1, used to a resolution of 2⁻¹⁶.</param>
    /// <param name="seed">The run's seed.</param>
    /// <param name="layer">Distinguishes the network's dropout layers.</param>
    /// <param name="step">Optimizer step.</param>
    /// <param name="x">Input.</param>
    /// <param name="y">Overwritten; same length; may be <paramref name="x"/>.</param>
    /// <param name="pool">Threads.</param>
    public static void Apply(float rate, ulong seed, int layer, long step, ReadOnlySpan<float> x, Span<float> y, WorkerPool pool)
    {
        Throw.IfLengthsDiffer(x.Length, y.Length);
        fixed (float* px = x, py = y)
        {
            var kernel = new Kernel
            {
                Threshold = (uint)MathF.Round(rate * 65536),
                Scale = 1 / (1 - rate),
                Seed = seed,
                Key = ((ulong)step << 8) | (uint)layer,
                X = px,
                Y = py,
                Length = x.Length,
            };
            LaneKernel.Run(kernel, LaneKernel.Blocks(x.Length), SimdWidth.Scalar, pool);
        }
    }

    struct Kernel : ILaneKernel
    {
        public uint Threshold;
        public float Scale;
        public ulong Seed;
        public ulong Key;
        public float* X;
        public float* Y;
        public int Length;

        public readonly void Execute<TLanes, V>(int block)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            var random = new SplitRandom(Seed, RandomPurpose.Dropout, Key, (ulong)block);
            var i = block * LaneKernel.BlockLength;
            var end = Math.Min(i + LaneKernel.BlockLength, Length);
            for (; i < end; i += 4)
            {
                // Four decisions of 16 bits from each draw.
                var bits = random.NextUInt64();
                var last = Math.Min(i + 4, end);
                for (var j = i; j < last; j++, bits >>= 16)
                    Y[j] = (bits & 0xFFFF) < Threshold ? 0 : X[j] * Scale;
            }
        }
    }
}
