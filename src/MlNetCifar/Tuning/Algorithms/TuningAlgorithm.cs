namespace MlNetCifar.Tuning;

/// <summary>What proposes trials.</summary>
public enum TuningAlgorithm
{
    /// <summary>Points anywhere.</summary>
    Random,

    /// <summary>Every combination, five values of a range; ends when all are tried.</summary>
    Grid,

    /// <summary>Sobol's sequence, which fills the space evenly; up to 21 parameters.</summary>
    Sobol,

    /// <summary>Tree-structured Parzen estimator: learns where good trials lie.</summary>
    Tpe,

    /// <summary>A Gaussian process with expected improvement: learns the loss itself; best for few trials of few parameters.</summary>
    Gp,

    /// <summary>Local search by random directions, as in cost-frugal optimisation.</summary>
    Cfo,
}

/// <summary>Makes tuners.</summary>
internal static class Tuners
{
    /// <summary>Makes one.</summary>
    /// <param name="algorithm">Which.</param>
    /// <param name="space">Where to search.</param>
    /// <param name="seed">Of the random numbers.</param>
    /// <param name="first">Number of the first trial that it is asked for.</param>
    public static ITuner Create(TuningAlgorithm algorithm, SearchSpace space, ulong seed, int first = 0) => algorithm switch
    {
        TuningAlgorithm.Random => new RandomTuner(space, seed),
        TuningAlgorithm.Grid => new GridTuner(space, first),
        TuningAlgorithm.Sobol => new SobolTuner(space, seed),
        TuningAlgorithm.Tpe => new TpeTuner(space, seed),
        TuningAlgorithm.Gp => new GaussianProcessTuner(space, seed),
        TuningAlgorithm.Cfo => new LocalTuner(space, seed),
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm), algorithm, null),
    };
}
