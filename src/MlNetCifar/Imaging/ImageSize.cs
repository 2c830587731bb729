namespace MlNetCifar;

/// <summary>Width and height of pictures in pixels.</summary>
/// <param name="Width">Columns, ≥ 1.</param>
/// <param name="Height">Rows, ≥ 1.</param>
public readonly record struct ImageSize(int Width, int Height)
{
    /// <summary>A square.</summary>
    /// <param name="side">Width and height.</param>
    public static implicit operator ImageSize(int side) => new(side, side);

    /// <summary>The median width and the median height; null for none.</summary>
    internal static ImageSize? Median(IReadOnlyCollection<ImageSize> sizes) => sizes.Count == 0 ? null : new(
        sizes.Select(size => size.Width).Order().ElementAt(sizes.Count / 2), sizes.Select(size => size.Height).Order().ElementAt(sizes.Count / 2));

    /// <summary>The size as options take it: <c>64</c>, or <c>64x48</c> for width and height.</summary>
    public override string ToString() =>
        Width == Height ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Width}") : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Width}x{Height}");
}
