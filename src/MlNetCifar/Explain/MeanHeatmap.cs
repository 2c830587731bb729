namespace MlNetCifar.Explain;

/// <summary>Collects maps one by one, for example of all pictures of a class, into their mean. Not thread-safe.</summary>
public sealed class MeanHeatmap
{
    double[] _values = [];
    double[] _pixels = [];
    double _probability;
    int _class;
    (int Height, int Width) _size;

    /// <summary>Maps so far.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a map; a degenerate one counts as zeros.</summary>
    /// <param name="map">Of the first one's size.</param>
    /// <param name="pixels">The picture it explains, [Height, Width, channels] bytes, always of one length; empty for none.</param>
    /// <exception cref="ArgumentException">The sizes differ.</exception>
    public void Add(Heatmap map, ReadOnlySpan<byte> pixels = default)
    {
        ArgumentNullException.ThrowIfNull(map);
        if (Count == 0)
            (_size, _class, _values, _pixels) = ((map.Height, map.Width), map.Class, new double[map.Values.Count], new double[pixels.Length]);
        if ((map.Height, map.Width) != _size || pixels.Length != _pixels.Length)
            throw new ArgumentException($"A map has {map.Height}×{map.Width} pixels, the first {_size.Height}×{_size.Width}; pictures have {pixels.Length} and {_pixels.Length} bytes.", nameof(map));
        for (var i = 0; i < _values.Length; i++)
            _values[i] += map.Values[i];
        for (var i = 0; i < _pixels.Length; i++)
            _pixels[i] += pixels[i];
        _probability += map.Probability;
        Count++;
    }

    /// <summary>The mean, scaled to a largest value of 1 again. Class and probability: the first's class, the mean probability.</summary>
    /// <exception cref="InvalidOperationException">There is no map.</exception>
    public Heatmap ToHeatmap()
    {
        if (Count == 0)
            throw new InvalidOperationException("There is no map.");
        return Heatmap.Normalized([.. _values.Select(value => (float)(value / Count))], _size.Height, _size.Width, _class, (float)(_probability / Count));
    }

    /// <summary>The mean picture, [Height, Width, channels] bytes; empty where none were given.</summary>
    public byte[] ToPixels() => [.. _pixels.Select(value => (byte)Math.Round(value / Count))];
}
