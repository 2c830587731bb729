using System.Runtime.Intrinsics;

namespace MlNetCifar.Numerics;

/// <summary>Sums in a fixed order: of partial results, and of the columns of a matrix.</summary>
internal static unsafe class FixedSum
{
    const int Block = 4096;
    const int Groups = 16;

    /// <summary>sum[i] = ((part₀[i] + part₁[i]) + part₂[i]) + …</summary>
    public static void Run(float* parts, int count, nint stride, int length, float* sum, WorkerPool pool)
    {
        var job = new PartsJob { Parts = parts, Count = count, Stride = stride, Length = length, Sum = sum };
        pool.Run(ref job, (length + Block - 1) / Block);
    }

    /// <summary>Floats of scratch that <see cref="Columns"/> needs.</summary>
    public static int ColumnsWorkspace(int columns) => Groups * (int)Arena.Align(columns);

    /// <summary>
    /// sum[j] = Σ over rows of matrix[row, j]; the rows in a fixed number of groups. Elements that a fused pooling gave to
    /// <see cref="PoolFusion.Nowhere"/> do not count; <paramref name="argMax"/> is null without pooling.
    /// </summary>
    public static void Columns(float* matrix, float* argMax, int rows, int columns, float* sum, float* workspace, WorkerPool pool)
    {
        var job = new ColumnsJob { Matrix = matrix, ArgMax = argMax, Rows = rows, Columns = columns, Partial = workspace };
        pool.Run(ref job, Groups);
        Run(workspace, Groups, (nint)Arena.Align(columns), columns, sum, pool);
    }

    /// <summary>target[i] += source[i]; lane by lane the same additions at every width, so one portable width serves all.</summary>
    public static void Add(float* source, float* target, int length)
    {
        var i = 0;
        for (; i + 16 <= length; i += 16)
            (Vector512.Load(target + i) + Vector512.Load(source + i)).Store(target + i);
        for (; i < length; i++)
            target[i] += source[i];
    }

    static void AddWhere(float* source, float* argMax, float* target, int length)
    {
        var i = 0;
        var nowhere = Vector512.Create(PoolFusion.Nowhere);
        for (; i + 16 <= length; i += 16)
            (Vector512.Load(target + i) + Vector512.ConditionalSelect(Vector512.LessThan(Vector512.Load(argMax + i), nowhere), Vector512.Load(source + i), default)).Store(target + i);
        for (; i < length; i++)
            target[i] += argMax[i] < PoolFusion.Nowhere ? source[i] : 0;
    }

    struct PartsJob : IParallelJob
    {
        public float* Parts;
        public float* Sum;
        public nint Stride;
        public int Count;
        public int Length;

        public readonly void Execute(int block, int worker)
        {
            var first = block * Block;
            var length = Math.Min(Block, Length - first);
            new ReadOnlySpan<float>(Parts + first, length).CopyTo(new Span<float>(Sum + first, length));
            for (var part = 1; part < Count; part++)
                Add(Parts + (part * Stride) + first, Sum + first, length);
        }
    }

    struct ColumnsJob : IParallelJob
    {
        public float* Matrix;
        public float* ArgMax;
        public float* Partial;
        public int Rows;
        public int Columns;

        public readonly void Execute(int block, int worker)
        {
            var target = Partial + (block * (nint)Arena.Align(Columns));
            new Span<float>(target, Columns).Clear();
            for (var row = (int)((long)Rows * block / Groups); row < (int)((long)Rows * (block + 1) / Groups); row++)
            {
                if (ArgMax == null)
                    Add(Matrix + ((nint)row * Columns), target, Columns);
                else
                    AddWhere(Matrix + ((nint)row * Columns), ArgMax + ((nint)row * Columns), target, Columns);
            }
        }
    }
}
