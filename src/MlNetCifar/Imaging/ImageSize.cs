namespace MlNetCifar;

/// <summary>Width and height of pictures in pixels.</summary>
/// <param name="Width">Columns, ≥ 1.</param>
/// <param name="Height">Rows, ≥ 1.</param>
public readonly record struct ImageSize(int Width, int Height)
{
    /// <summary>A square.</summary>
    /// <param name="side">Width and height.</param>
    public static implicit operator ImageSize(int side) => new(side, side);

    /// <summary>The size as options take it: <c>64</c>, or <c>64x48</c> for width and height.</summary>
    public override string ToString() =>
        Width == Height ? string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Width}") : string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{Width}x{Height}");
}
