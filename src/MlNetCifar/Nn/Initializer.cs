using System.Collections.Immutable;
using MlNetCifar.Numerics;

namespace MlNetCifar.Nn;

/// <summary>First values of a parameter. Fan-in is the number of inputs of one output (R·S·C of a filter), fan-out that of outputs of one input (R·S·K).</summary>
public enum Initializer
{
    /// <summary>Zeros.</summary>
    Zeros,

    /// <summary>Ones.</summary>
    Ones,

    /// <summary>Normal, variance 2 / fan-in (He et al. 2015): for layers followed by a rectifier.</summary>
    HeNormal,

    /// <summary>Uniform, variance 2 / fan-in (He et al. 2015).</summary>
    HeUniform,

    /// <summary>Normal, variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010).</summary>
    GlorotNormal,

    /// <summary>Uniform, variance 2 / (fan-in + fan-out) (Glorot and Bengio 2010): Keras' default.</summary>
    GlorotUniform,

    /// <summary>Normal, variance 1 / fan-in (LeCun et al. 1998).</summary>
    LecunNormal,

    /// <summary>Uniform on ±1/√fan-in: the default of PyTorch's convolutions and linear layers, for weights and biases alike.</summary>
    FanInUniform,

    /// <summary>Uniform, variance 1 whatever the fan-in: for heads that are scaled down afterwards.</summary>
    UnitUniform,

    /// <summary>The identity: output channel k copies input channel k at the filter's centre; further outputs as <see cref="FanInUniform"/> (Zagoruyko and Komodakis 2017).</summary>
    Dirac,

    /// <summary>
    /// Filters that decorrelate the training images' patches: the eigenvectors of the patches' second moments over the roots of the eigenvalues, and their
    /// negatives (Jordan 2024). Needs training images: until a trainer has seen them, as <see cref="FanInUniform"/>.
    /// </summary>
    Whitening,
}

/// <summary>Draws first values.</summary>
internal static class Initializers
{
    /// <summary>Fills a parameter.</summary>
    /// <param name="parameter">Which distribution, and its fans.</param>
    /// <param name="values">Overwritten.</param>
    /// <param name="random">Stream of its own.</param>
    public static void Fill(ParameterSpec parameter, Span<float> values, SplitRandom random)
    {
        var (fanIn, fanOut) = (parameter.FanIn, parameter.FanOut);
        switch (parameter.Initializer)
        {
            case Initializer.Zeros:
                values.Clear();
                break;
            case Initializer.Ones:
                values.Fill(1);
                break;
            case Initializer.HeNormal:
                Normal(values, 2.0 / fanIn, ref random);
                break;
            case Initializer.GlorotNormal:
                Normal(values, 2.0 / (fanIn + fanOut), ref random);
                break;
            case Initializer.LecunNormal:
                Normal(values, 1.0 / fanIn, ref random);
                break;
            case Initializer.HeUniform:
                Uniform(values, Math.Sqrt(6.0 / fanIn), ref random);
                break;
            case Initializer.GlorotUniform:
                Uniform(values, Math.Sqrt(6.0 / (fanIn + fanOut)), ref random);
                break;
            case Initializer.FanInUniform or Initializer.Whitening:
                Uniform(values, 1 / Math.Sqrt(fanIn), ref random);
                break;
            case Initializer.UnitUniform:
                Uniform(values, Math.Sqrt(3), ref random);
                break;
            case Initializer.Dirac:
                Uniform(values, 1 / Math.Sqrt(fanIn), ref random);
                Identity(parameter.Dimensions, values);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(parameter), parameter.Initializer, "There is no such initializer.");
        }
    }

    static void Normal(Span<float> values, double variance, ref SplitRandom random)
    {
        var deviation = Math.Sqrt(variance);
        foreach (ref var value in values)
            value = (float)(deviation * random.NextGaussian());
    }

    static void Uniform(Span<float> values, double bound, ref SplitRandom random)
    {
        foreach (ref var value in values)
            value = (float)(bound * ((2 * random.NextDouble()) - 1));
    }

    static void Identity(ImmutableArray<int> dimensions, Span<float> values)
    {
        if (dimensions is not [var r, var s, var c, var k])
            throw new ArgumentException("Dirac initialises filters of shape [R, S, C, K] only.", nameof(dimensions));
        for (var output = 0; output < Math.Min(c, k); output++)
            for (var tap = 0; tap < r * s; tap++)
                for (var input = 0; input < c; input++)
                    values[(((tap * c) + input) * k) + output] = input == output && tap == ((r / 2) * s) + (s / 2) ? 1 : 0;
    }
}
