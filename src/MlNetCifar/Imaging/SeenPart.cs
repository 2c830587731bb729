namespace MlNetCifar.Imaging;

/// <summary>The part of a picture that the network's input shows, in pixels of the picture; beyond its edges where the input is padded.</summary>
/// <param name="Left">First column.</param>
/// <param name="Top">First row.</param>
/// <param name="Width">Columns.</param>
/// <param name="Height">Rows.</param>
internal readonly record struct SeenPart(double Left, double Top, double Width, double Height)
{
    /// <summary>What <see cref="Preprocessor"/> shows of a picture.</summary>
    /// <param name="spec">How pictures become inputs.</param>
    /// <param name="width">Columns of the picture.</param>
    /// <param name="height">Its rows.</param>
    public static SeenPart Of(PreprocessSpec spec, int width, int height)
    {
        var (ratio, wanted) = ((double)width / height, (double)spec.Width / spec.Height);
        switch (spec.Resize)
        {
            case ResizeMode.Stretch:
                return new(0, 0, width, height);
            case ResizeMode.CenterCrop:
                var (cut, kept) = ratio >= wanted ? (wanted * height, (double)height) : (width, width / wanted);
                return new((width - cut) / 2, (height - kept) / 2, cut, kept);
            case ResizeMode.FitPad:
                var across = ratio < wanted ? Math.Max(1, Math.Round(ratio * spec.Height)) : spec.Width;
                var down = ratio > wanted ? Math.Max(1, Math.Round(spec.Width / ratio)) : spec.Height;
                return Shown(width / across, height / down, -Math.Round((spec.Width - across) / 2), -Math.Round((spec.Height - down) / 2), spec);
            default:
                var scale = spec.ShorterSide > 0
                    ? (double)spec.ShorterSide / Math.Min(width, height)
                    : Math.Max((double)spec.Width / width, (double)spec.Height / height);
                var (scaledWidth, scaledHeight) = (Math.Max((int)((scale * width) + 1e-9), spec.Width), Math.Max((int)((scale * height) + 1e-9), spec.Height));
                return Shown(
                    (double)width / scaledWidth, (double)height / scaledHeight, Math.Round((scaledWidth - spec.Width) / 2.0), Math.Round((scaledHeight - spec.Height) / 2.0), spec);
        }
    }

    static SeenPart Shown(double pixelWidth, double pixelHeight, double left, double top, PreprocessSpec spec) =>
        new(left * pixelWidth, top * pixelHeight, spec.Width * pixelWidth, spec.Height * pixelHeight);
}
