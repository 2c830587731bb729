using System.Collections.Immutable;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>How a head is trained on a frozen backbone. Immutable.</summary>
public sealed record TransferOptions
{
    /// <summary>The range of every number among the options.</summary>
    internal static ImmutableArray<OptionRange<TransferOptions>> Ranges { get; } =
    [
        new(nameof(Penalty), o => o.Penalty, 0) { Above = true },
        new(nameof(LabelSmoothing), o => o.LabelSmoothing, 0, 1) { Below = true },
        new(nameof(Threads), o => o.Threads, 1, 1024),
    ];

    /// <summary>Whether each training picture is learnt mirrored left to right as well. The default is true.</summary>
    public bool Flip { get; init; } = true;

    /// <summary>λ of the L2 penalty λ/2 · ‖W‖², &gt; 0, on features of variance 1 on average, and beside the mean loss. The default is null: what does best on pictures held out.</summary>
    public float? Penalty { get; init; }

    /// <summary>How classes of different size are weighed. The default is <see cref="ClassWeighting.None"/>.</summary>
    public ClassWeighting ClassWeights { get; init; }

    /// <summary>Share of each label spread evenly over all classes, 0 ≤ s &lt; 1. The default is 0.</summary>
    public float LabelSmoothing { get; init; }

    /// <summary>Decides which pictures are held out to choose <see cref="Penalty"/>. The default is 0.</summary>
    public ulong Seed { get; init; }

    /// <summary>Threads, ≥ 1; the result does not depend on it. The default is null: the cores this process may use.</summary>
    public int? Threads { get; init; }

    /// <summary>
    /// Where features are kept by the hashes of picture, preprocessing and weights, so that they are computed once, and a run that was killed goes on; null (the default)
    /// for nowhere.
    /// </summary>
    public string? CacheFolder { get; init; }

    /// <summary>Checks all values.</summary>
    /// <exception cref="MlNetCifarException">Names every value out of range (MNC3001).</exception>
    public void Validate()
    {
        string[] faults = [.. Ranges.Faults(this), .. Enum.IsDefined(ClassWeights) ? [] : new[] { $"{nameof(ClassWeights)} is {ClassWeights}" }];
        if (faults.Length > 0)
            throw TrainingErrors.Options(faults);
    }
}
