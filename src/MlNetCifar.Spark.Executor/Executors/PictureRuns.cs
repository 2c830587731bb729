namespace MlNetCifar.Spark.Executors;

/// <summary>Pictures of several sources, cut into runs of neighbours: a function of their numbers alone, so that driver and workers cut alike.</summary>
/// <param name="counts">Pictures of each source.</param>
/// <param name="length">Most pictures of a run, ≥ 1.</param>
sealed class PictureRuns(IReadOnlyList<int> counts, int length)
{
    /// <summary>A run for each core and a few more, so that a lost one costs little, but none so short that its start takes longer.</summary>
    const int RunsPerCore = 4;
    const int Shortest = 64;

    /// <summary>Length of the runs of as many pictures for as many cores.</summary>
    public static int LengthFor(long pictures, int cores) => (int)Math.Max(Shortest, (pictures + (RunsPerCore * (long)cores) - 1) / (RunsPerCore * (long)cores));

    /// <summary>How many.</summary>
    public int Count => counts.Sum(Of);

    /// <summary>Where a run lies: its source, its first picture there, and how many it has.</summary>
    public (int Source, int First, int Count) this[int run]
    {
        get
        {
            for (var source = 0; source < counts.Count; source++)
            {
                if (run < Of(counts[source]))
                    return (source, run * length, Math.Min(length, counts[source] - (run * length)));
                run -= Of(counts[source]);
            }

            throw new FormatException($"There is no run of the number {run}.");
        }
    }

    int Of(int count) => (count + length - 1) / length;
}
