namespace MlNetCifar.Data;

/// <summary>How a batch is cut into slices: by its size alone, into parts that differ by one picture at most. A short batch has fewer slices of about the usual size.</summary>
/// <param name="BatchSize">Pictures of a whole batch, ≥ 1.</param>
/// <param name="Slices">Its slices, 1 … <paramref name="BatchSize"/>.</param>
internal readonly record struct Slicing(int BatchSize, int Slices)
{
    /// <summary>Pictures of the largest slice.</summary>
    public int Largest => (BatchSize + Slices - 1) / Slices;

    /// <summary>Slices of a batch of so many pictures.</summary>
    public int Of(int pictures) => (int)((((long)pictures * Slices) + BatchSize - 1) / BatchSize);

    /// <summary>First picture of a slice.</summary>
    /// <param name="pictures">Of the batch.</param>
    /// <param name="slices">Of the batch.</param>
    /// <param name="slice">0 … <paramref name="slices"/>, which begins where the batch ends.</param>
    public static int First(int pictures, int slices, int slice) => (int)((long)pictures * slice / slices);
}

/// <summary>Which slices of every batch are meant: those from <paramref name="First"/>/<paramref name="Of"/> to <paramref name="End"/>/<paramref name="Of"/> of them.</summary>
/// <param name="First">0 … <paramref name="End"/>.</param>
/// <param name="End">To <paramref name="Of"/>.</param>
/// <param name="Of">≥ 1.</param>
internal readonly record struct SlicePart(int First, int End, int Of)
{
    /// <summary>All of them.</summary>
    public static SlicePart All { get; } = new(0, 1, 1);

    /// <summary>None of them.</summary>
    public static SlicePart None { get; } = new(0, 0, 1);

    /// <summary>The slices of a batch that has so many: from the first up to the end.</summary>
    public (int First, int End) In(int slices) => ((int)((long)First * slices / Of), (int)((long)End * slices / Of));
}
