namespace MlNetCifar.Numerics;

/// <summary>An algorithm for ∂loss/∂f.</summary>
internal unsafe interface IFilterGradient
{
    /// <summary>The algorithm in a few words.</summary>
    string Name { get; }

    /// <summary>Floats of scratch for <paramref name="threads"/> workers.</summary>
    int WorkspaceLength(int threads);

    /// <summary>Computes ∂loss/∂f, [R, S, C, K], of the first <paramref name="n"/> images.</summary>
    void Run(int n, float* x, in ConvSource gradY, float* gradF, float* workspace, WorkerPool pool);
}
