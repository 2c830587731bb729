namespace MlNetCifar.Imaging;

/// <summary>How a picture of any size becomes the network's input: one immutable record, the same in training and in use.</summary>
public sealed record PreprocessSpec
{
    /// <summary>Width of the result in pixels. The default is 32.</summary>
    public int Width { get; init; } = 32;

    /// <summary>Height of the result in pixels. The default is 32.</summary>
    public int Height { get; init; } = 32;

    /// <summary>Channels of the result: 3 for RGB (the default) or 1 for grey.</summary>
    public int Channels { get; init; } = 3;

    /// <summary>x</summary>
    public string ToJson() => throw new NotImplementedException();

    /// <summary>x</summary>
    public static PreprocessSpec Parse(string json) => throw new NotImplementedException();
}

/// <summary>Applies a <see cref="PreprocessSpec"/>. Thread-safe.</summary>
/// <param name="spec">What to do.</param>
public sealed class Preprocessor(PreprocessSpec spec)
{
    /// <summary>What this does.</summary>
    public PreprocessSpec Spec { get; } = spec;

    /// <summary>Resizes and converts one picture.</summary>
    /// <param name="image">Any size.</param>
    /// <param name="destination">[Height, Width, Channels] bytes; overwritten.</param>
    public void Apply(RgbImage image, Span<byte> destination) => throw new NotImplementedException();
}
