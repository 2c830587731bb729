namespace MlNetCifar.Data;

/// <summary>How batches are made.</summary>
internal sealed record BatchLoaderOptions
{
    /// <summary>Pictures in a batch. The default is 64.</summary>
    public int BatchSize { get; init; } = 64;

    /// <summary>Slices of a batch, 1 … <see cref="BatchSize"/>; pictures are mixed within them. The default is 1.</summary>
    public int Slices { get; init; } = 1;

    /// <summary>Whether every epoch has a new order; false (the default) is storage order, for evaluation.</summary>
    public bool Shuffle { get; init; }

    /// <summary>Pictures in a shuffle window for sets larger than memory: shards in random order, pictures shuffled within the window. The default is 0: all at once.</summary>
    public int ShuffleWindow { get; init; }

    /// <summary>Seed of order and augmentation. The default is 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Random changes. The default is none.</summary>
    public Augmentation Augmentation { get; init; } = Augmentation.None;

    /// <summary>Whether a short last batch is left out. The default is false.</summary>
    public bool DropLast { get; init; }

    /// <summary>Batches in memory: one in use, the others made ahead; at least 2. The default is 3.</summary>
    public int Prefetch { get; init; } = 3;

    /// <summary>Whether no batch is to hold pictures, so that none needs room for them. The default is false.</summary>
    public bool WithoutPictures { get; init; }

    /// <summary>Background threads, at least 1. Results do not depend on it. The default is 1.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Checks all values.</summary>
    /// <exception cref="ArgumentException">Names every value out of range.</exception>
    public void Validate()
    {
        var faults = new List<string>();
        if (BatchSize < 1)
            faults.Add($"BatchSize is {BatchSize}, expected at least 1");
        if (Slices < 1 || Slices > Math.Max(BatchSize, 1))
            faults.Add($"Slices is {Slices}, expected 1 … {nameof(BatchSize)}");
        if (ShuffleWindow < 0)
            faults.Add($"ShuffleWindow is {ShuffleWindow}, expected at least 0");
        if (Prefetch < 2)
            faults.Add($"Prefetch is {Prefetch}, expected at least 2");
        if (Threads < 1)
            faults.Add($"Threads is {Threads}, expected at least 1");
        if (Augmentation is null)
            faults.Add("Augmentation is null");
        if (faults.Count > 0)
            throw new ArgumentException($"BatchLoaderOptions: {string.Join("; ", faults)}.");
        Augmentation!.Validate();
    }
}
