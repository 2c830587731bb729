using System.Runtime.Intrinsics;

namespace MlNetCifar.Numerics;

/// <summary>A kernel body written once for every lane width.</summary>
internal interface ILaneKernel
{
    /// <summary>Does one block.</summary>
    /// <param name="block">0 … blocks − 1.</param>
    void Execute<TLanes, V>(int block)
        where TLanes : struct, ILanes<V>
        where V : struct;
}

/// <summary>What an element-wise pass does at one offset: the same arithmetic for a whole vector and, with <see cref="Lanes1"/>, for one element of the tail.</summary>
internal interface ILaneStep
{
    /// <summary>Does <c>TLanes.Count</c> elements from <paramref name="i"/> on.</summary>
    void Step<TLanes, V>(int i)
        where TLanes : struct, ILanes<V>
        where V : struct;
}

/// <summary>Runs an <see cref="ILaneKernel"/> over the pool's threads at one lane width.</summary>
internal struct LaneJob<TKernel> : IParallelJob
    where TKernel : struct, ILaneKernel
{
    /// <summary>Arguments and body.</summary>
    public TKernel Kernel;

    /// <summary>Lane width.</summary>
    public SimdWidth Width;

    /// <inheritdoc/>
    public void Execute(int block, int worker)
    {
        switch (Width)
        {
            case SimdWidth.Bits512:
                Kernel.Execute<Lanes512, Vector512<float>>(block);
                break;
            case SimdWidth.Bits256:
                Kernel.Execute<Lanes256, Vector256<float>>(block);
                break;
            case SimdWidth.Bits128:
                Kernel.Execute<Lanes128, Vector128<float>>(block);
                break;
            default:
                Kernel.Execute<Lanes1, float>(block);
                break;
        }
    }
}

/// <summary>Starts lane kernels.</summary>
internal static class LaneKernel
{
    /// <summary>Floats in one block of an element-wise pass: 32 KiB, small enough for the first-level cache, large enough to hide the start.</summary>
    public const int BlockLength = 8192;

    /// <summary>Blocks of an element-wise pass over <paramref name="length"/> floats.</summary>
    public static int Blocks(int length) => (length + BlockLength - 1) / BlockLength;

    /// <summary>Runs all blocks.</summary>
    public static void Run<TKernel>(TKernel kernel, int blocks, SimdWidth width, WorkerPool pool)
        where TKernel : struct, ILaneKernel
    {
        var job = new LaneJob<TKernel> { Kernel = kernel, Width = width };
        pool.Run(ref job, blocks);
    }

    /// <summary>Runs a step over all elements.</summary>
    public static void RunElementwise<TStep>(TStep step, int length, SimdWidth width, WorkerPool pool)
        where TStep : struct, ILaneStep =>
        Run(new ElementwiseKernel<TStep> { Step = step, Length = length }, Blocks(length), width, pool);

    struct ElementwiseKernel<TStep> : ILaneKernel
        where TStep : struct, ILaneStep
    {
        public TStep Step;
        public int Length;

        public readonly void Execute<TLanes, V>(int block)
            where TLanes : struct, ILanes<V>
            where V : struct
        {
            // A copy that no store through a pointer can reach: its fields stay in registers.
            var step = Step;
            var i = block * BlockLength;
            var end = Math.Min(i + BlockLength, Length);
            for (; i <= end - TLanes.Count; i += TLanes.Count)
                step.Step<TLanes, V>(i);
            for (; i < end; i++)
                step.Step<Lanes1, float>(i);
        }
    }
}
