using MlNetCifar.Data;

namespace MlNetCifar;

/// <summary>
/// Per-channel scaling of pixels to the network's input: y = (x / 255 − mean) / std.
/// </summary>
public sealed record Normalization
{
    /// <summary>Sets the figures.</summary>
    /// <param name="mean">One a channel, on the scale 0 … 1.</param>
    /// <param name="std">One a channel, &gt; 0, on the scale 0 … 1.</param>
    /// <exception cref="ArgumentException">The lengths differ or are not 1 or 3, or a value is out of range.</exception>
    public Normalization(IReadOnlyList<float> mean, IReadOnlyList<float> std)
    {
        ArgumentNullException.ThrowIfNull(mean);
        ArgumentNullException.ThrowIfNull(std);
        if (mean.Count != std.Count || mean.Count is not (1 or 3))
            throw new ArgumentException($"{mean.Count} means and {std.Count} deviations; expected 1 or 3 of each.");
        if (!mean.All(float.IsFinite) || !std.All(s => float.IsFinite(s) && s > 0))
            throw new ArgumentException("Means must be finite and deviations finite and above 0.");
        Mean = [.. mean];
        Std = [.. std];
    }

    /// <summary>Means, one a channel, on the scale 0 … 1.</summary>
    public IReadOnlyList<float> Mean { get; }

    /// <summary>Standard deviations, one a channel, on the scale 0 … 1.</summary>
    public IReadOnlyList<float> Std { get; }

    /// <summary>Channels, 1 or 3.</summary>
    public int Channels => Mean.Count;

    /// <summary>Pixels to 0 … 1 and nothing else.</summary>
    /// <param name="channels">1 or 3.</param>
    public static Normalization None(int channels) => new(new float[channels], [.. Enumerable.Repeat(1f, channels)]);

    /// <summary>
    /// Mean and (population) deviation of every channel in one pass. The sums are whole numbers, so the result is the same in any order and on any machine.
    /// A constant channel gets a deviation of 1.
    /// </summary>
    /// <param name="source">Usually the training split.</param>
    /// <param name="cancellation">Ends the pass.</param>
    /// <exception cref="ArgumentException">The source is empty.</exception>
    public static Normalization Compute(ImageSource source, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(source);
        var moments = new ChannelMoments(source.Channels);
        var buffer = new byte[source.ImageLength];
        for (var i = 0; i < source.Count; i++)
        {
            if (i % 1024 == 0)
                cancellation.ThrowIfCancellationRequested();
            if (!source.TryGetPixels(i, out var pixels))
            {
                source.CopyPixels(i, buffer);
                pixels = buffer;
            }

            moments.Add(pixels);
        }

        return moments.ToNormalization();
    }

    /// <inheritdoc/>
    public bool Equals(Normalization? other) => other is not null && Mean.SequenceEqual(other.Mean) && Std.SequenceEqual(other.Std);

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var value in Mean.Concat(Std))
            hash.Add(value);
        return hash.ToHashCode();
    }
}
