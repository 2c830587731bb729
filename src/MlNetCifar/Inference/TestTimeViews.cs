namespace MlNetCifar;

/// <summary>Views of each picture whose logits are averaged in use.</summary>
public enum TestTimeViews
{
    /// <summary>The picture itself.</summary>
    None,

    /// <summary>The picture and its mirror image.</summary>
    Flip,

    /// <summary>
    /// Six views: the picture (weight ¼), shifted by one pixel up and left (⅛) and down and right (⅛), mirrored at the edges, and the mirror images of the three.
    /// </summary>
    FlipShift,
}

/// <summary>Makes the views.</summary>
internal static class Views
{
    static readonly View[] s_none = [new(1, false, 0)];
    static readonly View[] s_flip = [new(0.5f, false, 0), new(0.5f, true, 0)];
    static readonly View[] s_flipShift =
    [
        new(0.25f, false, 0), new(0.25f, true, 0), new(0.125f, false, -1), new(0.125f, true, -1), new(0.125f, false, 1), new(0.125f, true, 1),
    ];

    public static ReadOnlySpan<View> Of(TestTimeViews views) => views switch
    {
        TestTimeViews.None => s_none,
        TestTimeViews.Flip => s_flip,
        TestTimeViews.FlipShift => s_flipShift,
        _ => throw new ArgumentOutOfRangeException(nameof(views)),
    };

    /// <summary>The choice that averages so many views; the picture alone where none does.</summary>
    public static TestTimeViews Averaging(int count) => Enum.GetValues<TestTimeViews>().FirstOrDefault(views => Of(views).Length == count);

    /// <summary>Writes one view of pictures.</summary>
    /// <param name="view">Which.</param>
    /// <param name="height">Rows of a picture.</param>
    /// <param name="width">Columns of a picture.</param>
    /// <param name="channels">Values a pixel.</param>
    /// <param name="pictures">[n, H, W, C].</param>
    /// <param name="destination">[n, H, W, C]; overwritten; must not overlap.</param>
    public static void Write(View view, int height, int width, int channels, ReadOnlySpan<float> pictures, Span<float> destination)
    {
        if (view is { Mirror: false, Shift: 0 })
        {
            pictures.CopyTo(destination);
            return;
        }

        for (var row = 0; row < pictures.Length / (width * channels); row++)
        {
            var (image, y) = Math.DivRem(row, height);
            var source = pictures.Slice(((image * height) + Reflect(y + view.Shift, height)) * width * channels, width * channels);
            var target = destination.Slice(row * width * channels, width * channels);
            for (var x = 0; x < width; x++)
            {
                // The shifted picture is mirrored, not the mirror image shifted.
                var from = Reflect((view.Mirror ? width - 1 - x : x) + view.Shift, width);
                source.Slice(from * channels, channels).CopyTo(target.Slice(x * channels, channels));
            }
        }
    }

    static int Reflect(int position, int length)
    {
        if (length == 1)
            return 0;
        return position < 0 ? -position : position >= length ? (2 * (length - 1)) - position : position;
    }
}

/// <summary>One view.</summary>
/// <param name="Weight">Share in the mean; all shares sum to 1.</param>
/// <param name="Mirror">Left and right change places.</param>
/// <param name="Shift">Pixels by which rows and columns are read further down and right.</param>
internal readonly record struct View(float Weight, bool Mirror, int Shift);
