namespace MlNetCifar.Numerics;

/// <summary>
/// The general matrix product on the micro-kernel of the convolutions. Matrices are row-major without gaps.
/// Each element is one chain of fused multiply-adds over k, so results do not depend on the number of threads.
/// </summary>
internal static unsafe class Gemm
{
    const int RowsPerBlock = 48;

    /// <summary>Floats of workspace that <see cref="Multiply"/> needs.</summary>
    /// <param name="m">Rows of c.</param>
    /// <param name="n">Columns of c.</param>
    /// <param name="k">Terms of each element.</param>
    public static int WorkspaceLength(int m, int n, int k) => checked((int)(Arena.Align((long)k * ((n + 15) / 16 * 16)) + Arena.Align((long)m * k)));

    /// <summary>c = alpha · op(a) · op(b) + beta · c, where op transposes or does nothing.</summary>
    /// <param name="transposeA">Whether a is given as [k, m].</param>
    /// <param name="transposeB">Whether b is given as [n, k].</param>
    /// <param name="m">Rows of c.</param>
    /// <param name="n">Columns of c.</param>
    /// <param name="k">Terms of each element.</param>
    /// <param name="alpha">Factor of the product.</param>
    /// <param name="a">[m, k], or [k, m] where transposed.</param>
    /// <param name="b">[k, n], or [n, k] where transposed.</param>
    /// <param name="beta">Factor of the old c; with 0, c may hold anything.</param>
    /// <param name="c">[m, n]; must not overlap a or b.</param>
    /// <param name="workspace">Scratch, <see cref="WorkspaceLength"/> floats.</param>
    /// <param name="pool">Threads.</param>
    /// <param name="width">Lane width; the active one by default.</param>
    public static void Multiply(
        bool transposeA, bool transposeB, int m, int n, int k, float alpha, ReadOnlySpan<float> a, ReadOnlySpan<float> b, float beta, Span<float> c,
        Span<float> workspace, WorkerPool pool, SimdWidth? width = null)
    {
        Throw.IfShorter(a.Length, m * k);
        Throw.IfShorter(b.Length, k * n);
        Throw.IfShorter(c.Length, m * n);
        Throw.IfShorter(workspace.Length, WorkspaceLength(m, n, k));
        var tiles = TileSet.For(width ?? SimdLevel.Active);
        fixed (float* left = a, right = b, result = c, scratch = workspace)
        {
            var rows = left;
            if (transposeA)
            {
                rows = scratch + Arena.Align((long)k * ((n + 15) / 16 * 16));
                Transposition.Run(left, 1, k, m, rows, pool);
            }

            var pack = new PackJob { B = right, Transposed = transposeB, N = n, K = k, Alpha = alpha, Lanes = tiles.Lanes, Packed = scratch };
            pool.Run(ref pack, PanelPacking.Panels(n, tiles.Lanes));
            var job = new Job { Tiles = tiles, A = rows, Packed = scratch, C = result, M = m, N = n, K = k, Beta = beta };
            pool.Run(ref job, (m + RowsPerBlock - 1) / RowsPerBlock * job.PanelGroups);
        }
    }

    struct PackJob : IParallelJob
    {
        public float* B;
        public float* Packed;
        public bool Transposed;
        public int N;
        public int K;
        public int Lanes;
        public float Alpha;

        public readonly void Execute(int block, int worker)
        {
            var first = block * 2 * Lanes;
            var width = PanelPacking.Vectors(N, Lanes, block) * Lanes;
            var valid = Math.Min(width, N - first);
            var target = Packed + ((nint)first * K);
            nint row = Transposed ? 1 : N, column = Transposed ? K : 1;
            for (nint i = 0; i < K; i++, target += width)
            {
                var source = B + (i * row) + (first * column);
                for (var j = 0; j < valid; j++)
                    target[j] = source[j * column] * Alpha;
                new Span<float>(target + valid, width - valid).Clear();
            }
        }
    }

    struct Job : IParallelJob
    {
        public TileSet Tiles;
        public float* A;
        public float* Packed;
        public float* C;
        public int M;
        public int N;
        public int K;
        public float Beta;

        // Few rows: the panels are shared out as well.
        public readonly int PanelGroups => M >= 8 * RowsPerBlock ? 1 : Math.Min(8, PanelPacking.Panels(N, Tiles.Lanes));

        public readonly void Execute(int block, int worker)
        {
            int first = block / PanelGroups * RowsPerBlock, rows = Math.Min(RowsPerBlock, M - first), part = block % PanelGroups;
            var panels = PanelPacking.Panels(N, Tiles.Lanes);
            for (var panel = panels * part / PanelGroups; panel < panels * (part + 1) / PanelGroups; panel++)
            {
                for (var done = 0; done < rows; done += Tiles.MaxRows)
                    Tile(first + done, Math.Min(Tiles.MaxRows, rows - done), panel);
            }
        }

        readonly void Tile(int first, int rows, int panel)
        {
            var edge = stackalloc float[Tiles.MaxRows * Tiles.Panel];
            var column = panel * Tiles.Panel;
            var vectors = PanelPacking.Vectors(N, Tiles.Lanes, panel);
            var valid = Math.Min(vectors * Tiles.Lanes, N - column);
            var target = C + ((nint)first * N) + column;
            var direct = valid == vectors * Tiles.Lanes && (Beta is 0 or 1);
            var args = new DotTileArgs
            {
                A = A + ((nint)first * K),
                RowStride = K,
                Segments = 1,
                SegmentLength = K,
                B = Packed + ((nint)column * K),
                C = direct ? target : edge,
                ResultStride = direct ? N : Tiles.Panel,
                Accumulate = direct && Beta == 1,
            };
            Tiles.Dot(rows, vectors, &args);
            for (var i = 0; i < rows && !direct; i++)
                for (var j = 0; j < valid; j++)
                    target[((nint)i * N) + j] = edge[(i * Tiles.Panel) + j] + (Beta == 0 ? 0 : Beta * target[((nint)i * N) + j]);
        }
    }
}
