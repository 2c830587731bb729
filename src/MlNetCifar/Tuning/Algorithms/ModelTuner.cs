namespace MlNetCifar.Tuning;

/// <summary>
/// A tuner that learns: it begins with points that fill the space, and then proposes by what is known. With several workers the proposals depend on which trials have
/// ended when one is asked for; with one they are the same each time.
/// </summary>
internal abstract class ModelTuner(SearchSpace space, ulong seed) : SpaceTuner(space, seed)
{
    /// <summary>Trials before it learns.</summary>
    public const int Start = 10;

    protected sealed override double[] Next(int trial, IReadOnlyList<Observation> known) =>
        trial < Start || known.Count(o => double.IsFinite(o.Loss)) < 2 ? First(trial) : Learned(trial, known);

    /// <summary>A point by what is known: at least two finite losses.</summary>
    protected abstract double[] Learned(int trial, IReadOnlyList<Observation> known);

    double[] First(int trial)
    {
        if (Dimensions <= SobolTuner.Most)
            return SobolTuner.Point(trial, Dimensions, Seed);
        var random = Random(trial);
        return Anywhere(ref random);
    }
}
