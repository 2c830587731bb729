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
/// is short: it has fewer models, or fewer batches for some. Who trains which model does not matter. A server has rounds only for a run to be saved and ended between them: its round is cut into runs of
/// batches that are computed from the same weights, whoever is next.
/// </summary>
/// <param name="BatchSize">Pictures of a batch of one model.</param>
/// <param name="Models">Models of a whole round.</param>
/// <param name="LocalSteps">Batches that each of them trains on in it.</param>
/// <param name="Pictures">Of an epoch.</param>
/// <param name="RunLength">Of a server: batches of a run, the last of which may be short. 0 where the parts of a round are models.</param>
internal readonly record struct RoundPlan(int BatchSize, int Models, int LocalSteps, int Pictures, int RunLength = 0)
{
    /// <summary>Batches of a round of a server of gradients: so many that nobody waits for long at its end, and so few that a run can be ended.</summary>
    const int Served = 64;

    /// <summary>Runs of every model in a round of a server of models.</summary>
    const int ServedRuns = 8;

    /// <summary>The plan of a run.</summary>
    /// <param name="options">Checked.</param>
    /// <param name="pictures">Of an epoch.</param>
    public static RoundPlan Of(TrainingOptions options, int pictures)
    {
        var batch = options.OfBatch.BatchSize;
        var most = Ceiling(Ceiling(pictures, batch), options.Slices);
        var frequency = options.UpdateFrequency == 0 ? most : Math.Min(options.UpdateFrequency, most);
        if (!options.IsServed)
            return new(batch, options.Slices, frequency, pictures);
        return new(batch, options.Slices, (int)Math.Min(options.HasModels ? (long)ServedRuns * frequency : Served, most), pictures, frequency);
    }

    /// <summary>Pictures of a whole round.</summary>
    public int RoundSize => checked(Models * LocalSteps * BatchSize);

    /// <summary>Rounds of an epoch.</summary>
    public int Rounds => Ceiling(Pictures, RoundSize);

    /// <summary>Pictures of some batches.</summary>
    /// <param name="batches">Of the epoch: the first, and the one behind the last.</param>
    public int PicturesOf((int First, int End) batches) => (int)Math.Min((long)(batches.End - batches.First) * BatchSize, Pictures - ((long)batches.First * BatchSize));

    /// <summary>Number of a batch in the run: no two have the same.</summary>
    /// <param name="epoch">From 0.</param>
    /// <param name="batch">In it, from 0.</param>
    public long NumberOf(int epoch, int batch) => ((long)epoch * Rounds * LocalSteps * Models) + batch;

    /// <summary>Pictures and parts of a round: models, or a server's runs.</summary>
    /// <param name="round">From 0.</param>
    public (int Pictures, int Parts) At(int round)
    {
        var pictures = (int)Math.Min(RoundSize, Pictures - ((long)round * RoundSize));
        return (pictures, RunLength > 0 ? Ceiling(Ceiling(pictures, BatchSize), RunLength) : new Data.Slicing(RoundSize, Models).Of(pictures));
    }

    /// <summary>The batches of an epoch that some parts of a round train on: the first, and the one behind the last.</summary>
    /// <param name="round">From 0.</param>
    /// <param name="first">The first part.</param>
    /// <param name="end">The part behind the last.</param>
    public (int First, int End) Batches(int round, int first, int end)
    {
        var (pictures, parts) = At(round);
        var (begin, count) = (round * Models * LocalSteps, Ceiling(pictures, BatchSize));
        return RunLength > 0
            ? (begin + (first * RunLength), begin + Math.Min(end * RunLength, count))
            : (begin + (int)((long)count * first / parts), begin + (int)((long)count * end / parts));
    }

    static int Ceiling(int amount, int unit) => (int)(((long)amount + unit - 1) / unit);
}
