namespace MlNetCifar.Numerics;

/// <summary>Transposes matrices block by block.</summary>
internal static unsafe class Transposition
{
    const int Side = 16;

    /// <summary>target[i][c, r] = source[i][r, c] for each of <paramref name="count"/> matrices.</summary>
    public static void Run(float* source, int count, int rows, int columns, float* target, WorkerPool pool)
    {
        var job = new Job { Source = source, Target = target, Rows = rows, Columns = columns };
        pool.Run(ref job, count * ((rows + Side - 1) / Side));
    }

    struct Job : IParallelJob
    {
        public float* Source;
        public float* Target;
        public int Rows;
        public int Columns;

        public readonly void Execute(int block, int worker)
        {
            var bands = (Rows + Side - 1) / Side;
            int matrix = block / bands, first = block % bands * Side, end = Math.Min(Rows, first + Side);
            var s = Source + ((nint)matrix * Rows * Columns);
            var t = Target + ((nint)matrix * Rows * Columns);
            for (var c = 0; c < Columns; c++)
                for (var r = first; r < end; r++)
                    t[((nint)c * Rows) + r] = s[((nint)r * Columns) + c];
        }
    }
}
