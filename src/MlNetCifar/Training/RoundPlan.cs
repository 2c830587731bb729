namespace MlNetCifar.Training;

/// <summary>Where an update stands in its run.</summary>
/// <param name="Step">Updates made before.</param>
/// <param name="From">Share of the run that is done before it, 0 … 1.</param>
/// <param name="To">Share that is done after it.</param>
internal readonly record struct StepPlace(long Step, double From, double To)
{
    /// <summary>The share of the run that is done after a share of the update.</summary>
    public double At(double share) => From + ((To - From) * share);
}

/// <summary>
/// How averaged training cuts an epoch: into rounds of as many batches in a row as all models train on between two averages, and a round into one run of batches for every model. The last round of an epoch
/// is short: it has fewer models, or fewer batches for some. Who trains which model does not matter.
/// </summary>
/// <param name="BatchSize">Pictures of a batch.</param>
/// <param name="Models">Models of a whole round.</param>
/// <param name="LocalSteps">Batches that each of them trains on in it.</param>
/// <param name="Pictures">Of an epoch.</param>
internal readonly record struct RoundPlan(int BatchSize, int Models, int LocalSteps, int Pictures)
{
    /// <summary>The plan of a run.</summary>
    /// <param name="options">Checked.</param>
    /// <param name="pictures">Of an epoch.</param>
    public static RoundPlan Of(TrainingOptions options, int pictures)
    {
        var most = Ceiling(Ceiling(pictures, options.BatchSize), options.Slices);
        return new(options.BatchSize, options.Slices, options.UpdateFrequency == 0 ? most : Math.Min(options.UpdateFrequency, most), pictures);
    }

    /// <summary>Pictures of a whole round.</summary>
    public int RoundSize => checked(Models * LocalSteps * BatchSize);

    /// <summary>Rounds of an epoch.</summary>
    public int Rounds => Ceiling(Pictures, RoundSize);

    /// <summary>Pictures and models of a round.</summary>
    /// <param name="round">From 0.</param>
    public (int Pictures, int Models) At(int round)
    {
        var pictures = (int)Math.Min(RoundSize, Pictures - ((long)round * RoundSize));
        return (pictures, new Data.Slicing(RoundSize, Models).Of(pictures));
    }

    /// <summary>The batches of an epoch that some models of a round train on: the first, and the one behind the last.</summary>
    /// <param name="round">From 0.</param>
    /// <param name="first">The first model.</param>
    /// <param name="end">The model behind the last.</param>
    public (int First, int End) Batches(int round, int first, int end)
    {
        var (pictures, models) = At(round);
        var (begin, count) = (round * Models * LocalSteps, Ceiling(pictures, BatchSize));
        return (begin + (int)((long)count * first / models), begin + (int)((long)count * end / models));
    }

    static int Ceiling(int amount, int unit) => (int)(((long)amount + unit - 1) / unit);
}
