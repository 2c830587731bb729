using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Experiments;

/// <summary>Says before a run where the machine is many times slower than an ordinary one, and what to expect.</summary>
internal static class SlowMachine
{
    /// <summary>One line; null for an ordinary machine.</summary>
    /// <param name="network">What is trained.</param>
    /// <param name="options">How.</param>
    /// <param name="images">Images of an epoch.</param>
    public static string? Notice(NetworkSpec network, TrainingOptions options, int images)
    {
        if (Reason() is not { } reason)
            return null;
        var speed = NetworkBenchmark.Roughly(network, options);
        var epochs = options.TimeBudget is null ? FormattableString.Invariant($", {options.Epochs} epochs about {Time(images * (double)options.Epochs / speed)}") : "";
        return FormattableString.Invariant($"this machine is slow: {reason}; about {speed:N0} images/s, an epoch about {Time(images / speed)}{epochs}");
    }

    /// <summary>Why this process computes slowly; null where it does not.</summary>
    public static string? Reason() => SimdLevel.Active == SimdWidth.Scalar ? "no vector instructions are used"
        : SimdLevel.IsFused ? null : FormattableString.Invariant($"vectors of {(int)SimdLevel.Active} bits, no fused multiply-add");

    static string Time(double seconds) => seconds switch
    {
        < 90 => FormattableString.Invariant($"{Math.Max(1, seconds):0} s"),
        < 5400 => FormattableString.Invariant($"{seconds / 60:0} min"),
        _ => FormattableString.Invariant($"{seconds / 3600:0.0} h"),
    };
}
