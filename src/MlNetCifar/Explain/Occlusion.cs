namespace MlNetCifar.Explain;

/// <summary>Explanations that need nothing but a model's answers: what happens to a class's probability when pixels are replaced by the mean colour of training.</summary>
public static class Occlusion
{
    /// <summary>Covers the picture with a square, place by place: a pixel's value is the mean loss of probability over the squares that cover it, if positive.</summary>
    /// <param name="model">The model.</param>
    /// <param name="pixels">[H, W, C] bytes of the network's size.</param>
    /// <param name="target">Index of the class; null for the most probable.</param>
    /// <param name="patch">Side of the square; 0, the default, for a quarter of the shorter side. It moves by half its side.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="ArgumentException">The length is wrong, or there is no such class.</exception>
    public static Heatmap Explain(ImageClassifier model, ReadOnlySpan<byte> pixels, int? target = null, int patch = 0, CancellationToken cancellation = default)
    {
        var (size, first) = Check(model, pixels, target);
        ArgumentOutOfRangeException.ThrowIfNegative(patch);
        var (height, width) = (model.Network.Height, model.Network.Width);
        if (patch == 0)
            patch = Math.Max(1, Math.Min(height, width) / 4);
        var step = Math.Max(1, patch / 2);
        var places = new List<(int Top, int Left)>();
        for (var top = step - patch; top < height; top += step)
            for (var left = step - patch; left < width; left += step)
                places.Add((top, left));
        var covered = new byte[places.Count * size];
        for (var i = 0; i < places.Count; i++)
        {
            var picture = covered.AsSpan(i * size, size);
            pixels.CopyTo(picture);
            foreach (var at in Inside(places[i], patch, height, width))
                Hide(model, picture, at);
        }

        var scores = Score(model, covered, cancellation);
        var (sums, counts) = (new float[height * width], new int[height * width]);
        var (k, before) = first;
        for (var i = 0; i < places.Count; i++)
            foreach (var at in Inside(places[i], patch, height, width))
            {
                sums[at] += before - scores[(i * model.Classes.Length) + k];
                counts[at]++;
            }

        for (var at = 0; at < sums.Length; at++)
            sums[at] /= counts[at];
        return Heatmap.Normalized(sums, height, width, k, before);
    }

    /// <summary>
    /// How well a map tells what counts (Petsiuk et al. 2018): pixels are taken in the falling order of their values and replaced by the mean colour
    /// (deletion), or put into a picture of the mean colour (insertion).
    /// </summary>
    /// <param name="model">The model.</param>
    /// <param name="pixels">[H, W, C] bytes of the network's size.</param>
    /// <param name="map">The map to judge.</param>
    /// <param name="steps">Steps from none to all pixels, ≥ 1. The default is 32.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <returns>The areas under the two curves of the class's probability. A good map has little of the first and much of the second.</returns>
    /// <exception cref="ArgumentException">The pixels do not fit the model, or the map does not.</exception>
    public static (double Deletion, double Insertion) Judge(
        ImageClassifier model, ReadOnlySpan<byte> pixels, Heatmap map, int steps = 32, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(map);
        ArgumentOutOfRangeException.ThrowIfLessThan(steps, 1);
        var (size, _) = Check(model, pixels, map.Class);
        if ((map.Height, map.Width) != (model.Network.Height, model.Network.Width))
            throw new ArgumentException($"The map has {map.Height}×{map.Width} pixels.", nameof(map));
        var order = Enumerable.Range(0, map.Values.Count).OrderByDescending(at => map.Values[at]).ThenBy(at => at).ToArray();
        var pictures = new byte[2 * (steps + 1) * size];
        for (var i = 0; i <= steps; i++)
        {
            var taken = (int)((long)order.Length * i / steps);
            Span<byte> deleted = pictures.AsSpan(i * size, size), inserted = pictures.AsSpan((steps + 1 + i) * size, size);
            pixels.CopyTo(deleted);
            pixels.CopyTo(inserted);
            foreach (var at in order.AsSpan(0, taken))
                Hide(model, deleted, at);
            foreach (var at in order.AsSpan(taken))
                Hide(model, inserted, at);
        }

        var scores = Score(model, pictures, cancellation);
        var curve = new double[2 * (steps + 1)];
        for (var i = 0; i < curve.Length; i++)
            curve[i] = scores[(i * model.Classes.Length) + map.Class];
        return (Area(curve.AsSpan(0, steps + 1)), Area(curve.AsSpan(steps + 1)));
    }

    static (int Size, (int Class, float Probability) First) Check(ImageClassifier model, ReadOnlySpan<byte> pixels, int? target)
    {
        ArgumentNullException.ThrowIfNull(model);
        var size = model.Preprocess.Length;
        if (pixels.Length != size)
            throw new ArgumentException($"{pixels.Length} bytes given, {size} expected.", nameof(pixels));
        if (target is { } k && (k < 0 || k >= model.Classes.Length))
            throw new ArgumentOutOfRangeException(nameof(target), target, $"There are {model.Classes.Length} classes.");
        var scores = Score(model, pixels.ToArray(), default);
        var chosen = target ?? Array.IndexOf(scores, scores.Max());
        return (size, (chosen, scores[chosen]));
    }

    static float[] Score(ImageClassifier model, byte[] pictures, CancellationToken cancellation)
    {
        var spec = model.Network;
        var labels = new int[pictures.Length / model.Preprocess.Length];
        return model.Score(new ImageSet(pictures, labels, spec.Width, spec.Height, spec.Channels, model.Classes), cancellation: cancellation);
    }

    static IEnumerable<int> Inside((int Top, int Left) place, int patch, int height, int width)
    {
        for (var y = Math.Max(place.Top, 0); y < Math.Min(place.Top + patch, height); y++)
            for (var x = Math.Max(place.Left, 0); x < Math.Min(place.Left + patch, width); x++)
                yield return (y * width) + x;
    }

    static void Hide(ImageClassifier model, Span<byte> picture, int at)
    {
        var channels = model.Network.Channels;
        for (var c = 0; c < channels; c++)
            picture[(at * channels) + c] = (byte)Math.Clamp(MathF.Round(255 * model.Normalization.MeanAt((at * channels) + c)), 0, 255);
    }

    static double Area(ReadOnlySpan<double> curve)
    {
        var sum = 0.0;
        for (var i = 1; i < curve.Length; i++)
            sum += (curve[i - 1] + curve[i]) / 2;
        return sum / (curve.Length - 1);
    }
}
