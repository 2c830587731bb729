namespace MlNetCifar.Onnx;

/// <summary>
/// What a graph does to pixels before its first layer: y = scale · x + summand, one scale a channel and one summand a channel or pixel, channels in an order of their own.
/// </summary>
internal sealed class PixelSteps
{
    readonly int _height;
    readonly int _width;
    double[] _scale;

    /// <summary>[C], or [C, H, W].</summary>
    double[] _summand;

    /// <summary>The picture's channel that each channel of the graph is.</summary>
    int[] _source;

    public PixelSteps(int height, int width, int channels, bool channelsLast)
    {
        (_height, _width, ChannelsLast) = (height, width, channelsLast);
        (_scale, _summand, _source) = ([.. Enumerable.Repeat(1.0, channels)], new double[channels], [.. Enumerable.Range(0, channels)]);
    }

    /// <summary>Height, width and channels of the picture.</summary>
    public (int Height, int Width, int Channels) Size => (_height, _width, _scale.Length);

    /// <summary>Whether the graph holds the picture as [N, H, W, C] here.</summary>
    public bool ChannelsLast { get; private set; }

    /// <summary>Whether channels are in another order than the picture's.</summary>
    public bool IsReordered => _source.Where((channel, i) => channel != i).Any();

    /// <summary>Whether pixels are scaled or moved.</summary>
    public bool IsScaled { get; private set; }

    /// <summary>Whether the first layer has been reached.</summary>
    public bool IsDone { get; set; }

    /// <summary>Goes on in another graph, of the same size, that takes what this one gives.</summary>
    public void EnterNext(bool channelsLast) => (IsDone, ChannelsLast) = (false, channelsLast);

    /// <summary>Reads a node that works on pixels.</summary>
    /// <returns>The value it gives; null where it is a layer.</returns>
    public string? Take(OnnxNode node, ImportGraph graph)
    {
        if (IsDone)
            return null;
        switch (node.Op)
        {
            case "Cast" when node.Find("to")?.Int is (long)ElementType.Float:
            case "Identity":
                return node.Outputs[0];
            case "Transpose":
                Transpose(node, graph);
                return node.Outputs[0];
            case "Gather" or "Split":
                return Reorder(node, graph);
            case "Add" or "Sub" or "Mul" or "Div" when node.Inputs.Count == 2 && graph.VaryingInputs(node) == 1:
                Combine(node, graph);
                return node.Outputs[0];
            default:
                return null;
        }
    }

    /// <summary>A filter, [K, C, R, S], for the picture's own order of channels.</summary>
    public float[] Reorder(float[] filter, int[] shape)
    {
        if (!IsReordered)
            return filter;
        var result = new float[filter.Length];
        var taps = shape[2] * shape[3];
        for (var slice = 0; slice < filter.Length / taps; slice++)
        {
            var (k, c) = Math.DivRem(slice, _source.Length);
            filter.AsSpan(slice * taps, taps).CopyTo(result.AsSpan(((k * _source.Length) + _source[c]) * taps));
        }

        return result;
    }

    /// <summary>The same as a normalisation of the picture's channels; null where a scale is not above 0 or a number not finite.</summary>
    public Normalization? ToNormalization()
    {
        if (!_scale.All(s => double.IsFinite(s) && s > 0) || !_summand.All(double.IsFinite))
            return null;
        var channels = _scale.Length;
        var std = new float[channels];
        for (var c = 0; c < channels; c++)
            std[_source[c]] = (float)(1 / (255 * _scale[c]));
        if (!std.All(s => float.IsFinite(s) && s > 0))
            return null;
        var plane = _summand.Length / channels;
        var mean = new float[_summand.Length];
        for (var c = 0; c < channels; c++)
            for (var i = 0; i < plane; i++)
                mean[(i * channels) + _source[c]] = (float)(-_summand[(c * plane) + i] / (255 * _scale[c]));
        return !mean.All(float.IsFinite) ? null : plane == 1 ? new(mean, std) : Normalization.WithMeanImage(mean, std);
    }

    void Transpose(OnnxNode node, ImportGraph graph)
    {
        var order = node.Find("perm")?.Ints ?? [];
        ChannelsLast = ChannelsLast && order.SequenceEqual([0, 3, 1, 2])
            ? false
            : !ChannelsLast && order.SequenceEqual([0, 2, 3, 1])
                ? true
                : throw graph.Wrong(node, $"the order [{string.Join(", ", order)}] of a picture's sides", ChannelsLast ? "[0, 3, 1, 2]" : "[0, 2, 3, 1]");
    }

    /// <summary>Channels that are gathered, or taken apart and put together again, in another order.</summary>
    string Reorder(OnnxNode node, ImportGraph graph)
    {
        var axis = node.Find("axis")?.Int ?? 0;
        if (axis != (ChannelsLast ? 3 : 1) && axis != (ChannelsLast ? -1 : -3))
            throw graph.Wrong(node, $"axis {axis}", $"{(ChannelsLast ? 3 : 1)}, the channels");
        if (node.Op == "Gather")
        {
            Apply(node, graph, graph.Constants.Ints(node, 1));
            return node.Outputs[0];
        }

        var readers = node.Outputs.SelectMany(graph.Readers).Distinct().ToArray();
        if (readers is not [{ Op: "Concat" } concat] || concat.Inputs.Count != _source.Length || (concat.Find("axis")?.Int ?? axis) != axis || node.Outputs.Count != _source.Length)
            throw graph.Wrong(node, $"{node.Outputs.Count} parts read by {readers.Length} nodes", "one channel each, put together by one Concat");
        var sizes = node.Find("split")?.Ints ?? (ImportConstants.HasInput(node, 1) ? graph.Constants.Ints(node, 1) : []);
        if (sizes.Any(s => s != 1))
            throw graph.Wrong(node, $"parts of [{string.Join(", ", sizes)}] channels", "one channel each");
        Apply(concat, graph, [.. concat.Inputs.Select(input => (long)node.Outputs.ToList().IndexOf(input))]);
        return concat.Outputs[0];
    }

    void Apply(OnnxNode node, ImportGraph graph, long[] order)
    {
        var channels = _source.Length;
        if (!order.Select(i => i < 0 ? i + channels : i).Order().SequenceEqual(Enumerable.Range(0, channels).Select(i => (long)i)))
            throw graph.Wrong(node, $"the channels [{string.Join(", ", order)}]", $"each of {channels} once");
        int[] from = [.. order.Select(i => (int)(i < 0 ? i + channels : i))];
        var plane = _summand.Length / channels;
        (_scale, _source, _summand) = (
            [.. from.Select(c => _scale[c])], [.. from.Select(c => _source[c])], [.. from.SelectMany(c => _summand.AsSpan(c * plane, plane).ToArray())]);
    }

    void Combine(OnnxNode node, ImportGraph graph)
    {
        var first = graph.IsVarying(node.Inputs[0]);
        if (!first && node.Op is ("Sub" or "Div"))
            throw graph.Wrong(node, "a constant minus or divided by the picture", "the picture first");
        var (values, shape) = graph.Constants.Floats(node, first ? 1 : 0);
        var constant = Planar(values, shape) ?? throw graph.Wrong(node, $"a constant of shape [{string.Join(", ", shape)}]", "one number, one a channel or one a pixel and channel");
        IsScaled = true;
        var channels = _scale.Length;
        if (node.Op is "Add" or "Sub")
        {
            Widen(ref _summand, constant.Length);
            Widen(ref constant, _summand.Length);
            for (var i = 0; i < _summand.Length; i++)
                _summand[i] += node.Op == "Add" ? constant[i] : -constant[i];
            return;
        }

        if (constant.Length != channels)
            throw graph.Wrong(node, "a factor for each pixel", "one number, or one a channel");
        var plane = _summand.Length / channels;
        for (var i = 0; i < _summand.Length; i++)
            _summand[i] = node.Op == "Mul" ? _summand[i] * constant[i / plane] : _summand[i] / constant[i / plane];
        for (var c = 0; c < channels; c++)
            _scale[c] = node.Op == "Mul" ? _scale[c] * constant[c] : _scale[c] / constant[c];

        void Widen(ref double[] array, int length)
        {
            if (array.Length < length)
                array = [.. array.SelectMany(value => Enumerable.Repeat(value, length / channels))];
        }
    }

    /// <summary>A constant as [C] or [C, H, W]; null where it has another shape.</summary>
    double[]? Planar(float[] values, int[] shape)
    {
        var channels = _scale.Length;
        int[] sides = [.. Enumerable.Repeat(1, Math.Max(0, 4 - shape.Length)), .. shape];
        if (values.Length == 1)
            return [.. Enumerable.Repeat((double)values[0], channels)];
        if (sides.Length != 4 || sides[0] != 1)
            return null;
        var (c, h, w) = ChannelsLast ? (sides[3], sides[1], sides[2]) : (sides[1], sides[2], sides[3]);
        if (c != channels)
            return null;
        if ((h, w) == (1, 1))
            return [.. values.Select(v => (double)v)];
        if ((h, w) != (_height, _width))
            return null;
        var result = new double[values.Length];
        for (var i = 0; i < values.Length; i++)
            result[ChannelsLast ? (i % c * h * w) + (i / c) : i] = values[i];
        return result;
    }
}
