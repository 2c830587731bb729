namespace MlNetCifar.Numerics;

/// <summary>An algorithm for one <see cref="Correlation"/>.</summary>
internal unsafe interface ICorrelation
{
    /// <summary>The algorithm in a few words.</summary>
    string Name { get; }

    /// <summary>Floats of the filter as the algorithm wants it.</summary>
    int PackedLength { get; }

    /// <summary>Whether that is the filter in Winograd's domain; else it lies in panels.</summary>
    bool PacksTransformed => false;

    /// <summary>Floats of scratch that all workers share.</summary>
    int SharedLength => 0;

    /// <summary>Floats of scratch for each worker.</summary>
    int ScratchLength { get; }

    /// <summary>Brings the filter [R, S, C, K] of the layer into the algorithm's layout.</summary>
    void Pack(float* weights, float* packed, WorkerPool pool);

    /// <summary>Side of the windows, two elements apart, whose maxima may be taken on the way: 2, and the input expanded from behind such a pooling; 3, with one element of padding; or 0.</summary>
    int PoolSize { get; }

    /// <summary>Whether something may be added to the result on the way.</summary>
    bool CanAdd => false;

    /// <summary>Computes the first <paramref name="n"/> images.</summary>
    /// <param name="n">Images.</param>
    /// <param name="x">[n, H, W, C].</param>
    /// <param name="packed">From <see cref="Pack"/>.</param>
    /// <param name="y">Result, addressed by the strides of the geometry.</param>
    /// <param name="scratch"><see cref="SharedLength"/> floats and <see cref="ScratchLength"/> for each worker.</param>
    /// <param name="pool">Threads.</param>
    void Run(int n, in ConvSource x, float* packed, in ConvTarget y, float* scratch, WorkerPool pool);
}
