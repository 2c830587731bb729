using System.Buffers.Text;
using System.Runtime.InteropServices;
using MlNetCifar.Data;

namespace MlNetCifar;

/// <summary>
/// Scaling of pixels to the network's input: y = (x / 255 − mean) / std, the deviation one a channel, the mean one a channel or, with a <see cref="MeanImage"/>, one a pixel.
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

    /// <summary>Scaling with a mean image, whose mean of each channel is <see cref="Mean"/>.</summary>
    /// <param name="meanImage">[H, W, C] on the scale 0 … 1.</param>
    /// <param name="std">One a channel, &gt; 0, on the scale 0 … 1.</param>
    /// <exception cref="ArgumentException">The lengths do not fit together, or a value is out of range.</exception>
    public static Normalization WithMeanImage(IReadOnlyList<float> meanImage, IReadOnlyList<float> std)
    {
        ArgumentNullException.ThrowIfNull(meanImage);
        ArgumentNullException.ThrowIfNull(std);
        if (std.Count == 0 || meanImage.Count == 0 || meanImage.Count % std.Count != 0 || !meanImage.All(float.IsFinite))
            throw new ArgumentException($"A mean image of {meanImage.Count} values with {std.Count} deviations; expected finite values, as many for each channel.");
        var sums = new double[std.Count];
        for (var i = 0; i < meanImage.Count; i++)
            sums[i % sums.Length] += meanImage[i];
        return new([.. sums.Select(sum => (float)(sum * sums.Length / meanImage.Count))], std) { MeanImage = [.. meanImage] };
    }

    /// <summary>Means, one a channel, on the scale 0 … 1.</summary>
    public IReadOnlyList<float> Mean { get; }

    /// <summary>Means, one a pixel and channel, [H, W, C] on the scale 0 … 1, subtracted in place of <see cref="Mean"/>; null (the usual case) where there is one a channel.</summary>
    public IReadOnlyList<float>? MeanImage { get; private init; }

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

    /// <summary>The mean image for files of text: base64 (URL alphabet) of little-endian 32-bit floats; null where there is none.</summary>
    internal string? MeanImageText => MeanImage is null ? null : Base64Url.EncodeToString(MemoryMarshal.AsBytes(MeanImage.ToArray().AsSpan()));

    /// <summary>What a file holds.</summary>
    /// <param name="mean">One a channel.</param>
    /// <param name="std">One a channel.</param>
    /// <param name="meanImage"><see cref="MeanImageText"/>; null where there is none.</param>
    /// <exception cref="FormatException">The text is no mean image.</exception>
    /// <exception cref="ArgumentException">The figures do not fit together.</exception>
    internal static Normalization Restore(IReadOnlyList<float> mean, IReadOnlyList<float> std, string? meanImage)
    {
        if (meanImage is null)
            return new(mean, std);
        if (!Base64Url.IsValid(meanImage, out var bytes) || bytes % sizeof(float) != 0)
            throw new FormatException("The mean image is no base64 of 32-bit floats.");
        return WithMeanImage(MemoryMarshal.Cast<byte, float>(Base64Url.DecodeFromChars(meanImage)).ToArray(), std);
    }

    /// <summary>Whether pictures of a size can be scaled: a mean image is for one size.</summary>
    internal bool Fits(int height, int width, int channels) => Channels == channels && (MeanImage is null || MeanImage.Count == height * width * channels);

    /// <summary>The same for pictures of another size, whose mean image has the nearest values of this one.</summary>
    /// <param name="from">This one's pictures.</param>
    /// <param name="to">The others.</param>
    internal Normalization Resized(ImageSize from, ImageSize to)
    {
        if (MeanImage is null || from == to)
            return this;
        var mean = new float[to.Width * to.Height * Channels];
        for (var i = 0; i < mean.Length; i++)
        {
            var (x, y) = (i / Channels % to.Width, i / Channels / to.Width);
            mean[i] = MeanImage[(((Nearest(y, to.Height, from.Height) * from.Width) + Nearest(x, to.Width, from.Width)) * Channels) + (i % Channels)];
        }

        return WithMeanImage(mean, Std);

        static int Nearest(int place, int length, int other) => ((2 * place) + 1) * other / (2 * length);
    }

    /// <summary>The mean that is subtracted at a place of a picture, [H, W, C].</summary>
    internal float MeanAt(int index) => MeanImage is null ? Mean[index % Channels] : MeanImage[index];

    /// <inheritdoc/>
    public bool Equals(Normalization? other) =>
        other is not null && Mean.SequenceEqual(other.Mean) && Std.SequenceEqual(other.Std)
        && (MeanImage is null ? other.MeanImage is null : other.MeanImage is not null && MeanImage.SequenceEqual(other.MeanImage));

    /// <inheritdoc/>
    public override int GetHashCode()
    {
        var hash = default(HashCode);
        foreach (var value in Mean.Concat(Std))
            hash.Add(value);
        return hash.ToHashCode();
    }
}
