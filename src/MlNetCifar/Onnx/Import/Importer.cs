using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>Makes a network of one ONNX file.</summary>
internal sealed class Importer
{
    /// <summary>Sides of pictures; also of what a preprocessing gives.</summary>
    const int MostPixels = 16_384;

    readonly string _path;
    readonly OnnxImportOptions _options;
    readonly OnnxModel _model;
    readonly ImportGraph _graph;

    /// <summary>Reads the messages of a file and checks its graph.</summary>
    /// <param name="file">The whole file.</param>
    /// <param name="path">Named in errors.</param>
    /// <param name="options">What it does not say.</param>
    public Importer(ReadOnlyMemory<byte> file, string path, OnnxImportOptions options)
    {
        (_path, _options) = (path, options);
        try
        {
            _model = OnnxReader.Read(file);
        }
        catch (InvalidDataException e)
        {
            throw OnnxErrors.Damaged(path, e.Message);
        }

        _graph = new ImportGraph(_model, path, options.Output, file.Length + (1L << 20));
    }

    /// <summary>Reads a graph that only works on pixels.</summary>
    public PixelSteps ReadPixels()
    {
        var path = new ImportPath(_graph, Shape(out var pixels), isFlat: false) { Pixels = pixels };
        new ImportWalk(_graph).Read(path);
        return path.Layers.Count == 0 && !path.IsFlat && path.Ending is null ? pixels : throw OnnxErrors.Graph(_path, "it has layers; a preprocessing only scales pixels");
    }

    /// <summary>The file.</summary>
    public OnnxModel Model => _model;

    /// <summary>Reads a network.</summary>
    /// <param name="before">What was done to the pixels by another graph; null for nothing.</param>
    public ImportedModel Read(PixelSteps? before)
    {
        var shape = Shape(out var pixels);
        if (before is not null)
        {
            if (before.Size != pixels.Size)
                throw OnnxErrors.Input(_path, $"{pixels.Size.Height}×{pixels.Size.Width}×{pixels.Size.Channels}", $"{before.Size.Height}×{before.Size.Width}×{before.Size.Channels}, which the preprocessing gives");
            before.EnterNext(pixels.ChannelsLast);
            pixels = before;
        }

        var path = new ImportPath(_graph, shape, isFlat: false) { Pixels = pixels };
        new ImportWalk(_graph).Read(path);
        var spec = Describe(path);
        spec.Validate();
        var scaling = Scaling(pixels);
        var weights = new NetworkWeights(spec);
        try
        {
            ImportedLayer.Fill(path.Layers, weights.Nodes, weights);
            weights.Changed();
            return new(weights, Preprocess(spec), scaling) { Classes = Classes(spec, out var note), Notes = [.. Notes(path, note)] };
        }
        catch
        {
            weights.Dispose();
            throw;
        }
    }

    NetworkSpec Describe(ImportPath path)
    {
        if (path.Shape is not { H: 1, W: 1 } || path.Layers.Count == 0)
            throw OnnxErrors.Graph(_path, path.Layers.Count == 0 ? "it has no layers" : $"its output '{_graph.Output}' is [N, {path.Shape.C}, {path.Shape.H}, {path.Shape.W}], no scores or features");
        var sigmoid = path.Ending?.Op == "Sigmoid";
        var last = path.Layers.FindLastIndex(l => l.Layer is not (Scale or Dropout));
        var scores = path.Ending is not null || (last >= 0 && path.Layers[last].Layer is Linear);
        if (path.Shape.C < 2 && !sigmoid)
            throw OnnxErrors.Graph(_path, $"its output '{_graph.Output}' is one number without a Sigmoid");
        return new()
        {
            Name = _options.Name ?? (_model.Graph.Name.Length is > 0 and <= 100 ? _model.Graph.Name : System.IO.Path.GetFileNameWithoutExtension(_path)),
            Height = path.Pixels!.Size.Height, Width = path.Pixels.Size.Width, Channels = path.Pixels.Size.Channels,
            Classes = sigmoid ? 2 : path.Shape.C,
            Layers = [.. path.Layers.Select(l => l.Layer)],
            Loss = sigmoid ? LossKind.SigmoidCrossEntropy : scores ? LossKind.SoftmaxCrossEntropy : LossKind.None,
        };
    }

    Normalization Scaling(PixelSteps pixels)
    {
        if (pixels.IsScaled && _options.Normalization is not null)
            throw OnnxErrors.TwoScalings(_path);
        if (_options.Normalization is { } given)
            return given.Fits(pixels.Size.Height, pixels.Size.Width, pixels.Size.Channels)
                ? given
                : throw OnnxErrors.Input(_path, $"{pixels.Size.Height}×{pixels.Size.Width}×{pixels.Size.Channels}", "one that fits mean and deviation");
        if (!pixels.IsScaled && _options.Preprocessing is null && _graph.Input.Type != ElementType.UInt8)
            throw OnnxErrors.NoScaling(_path);
        return pixels.ToNormalization() ?? throw OnnxErrors.Graph(_path, "it scales pixels by a number that is not finite or not above 0");
    }

    PreprocessSpec Preprocess(NetworkSpec spec) => (_options.Preprocess ?? new()) with { Width = spec.Width, Height = spec.Height, Channels = spec.Channels };

    string[] Classes(NetworkSpec spec, out string? note)
    {
        note = null;
        if (spec.Loss == LossKind.None)
            return [];
        if (_options.Classes is { } given)
            return given.Count == spec.Classes ? [.. given] : throw OnnxErrors.ClassNames(_path, given.Count, spec.Classes);
        note = $"The file has no class names; they are 0 … {spec.Classes - 1}.";
        return [.. Enumerable.Range(0, spec.Classes).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))];
    }

    IEnumerable<string> Notes(ImportPath path, string? classes)
    {
        if (_graph.OtherOutputs.Count > 0)
            yield return $"Imported up to the output '{_graph.Output}'; the outputs {string.Join(", ", _graph.OtherOutputs)} are left out.";
        if (path.Ending is { } ending)
            yield return $"The {ending.Op} at the end is part of what the scores mean.";
        if (classes is not null)
            yield return classes;
    }

    /// <summary>The shape of one picture, [1, H, W, C].</summary>
    Shape Shape(out PixelSteps pixels)
    {
        var dimensions = _graph.Input.Dimensions;
        if (_graph.Input.Type is not (ElementType.Float or ElementType.UInt8) || dimensions is not [_, var second, var third, var fourth])
            throw OnnxErrors.Input(_path, $"'{_graph.Input.Name}' of {_graph.Input.Type}, {dimensions?.Count.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "no stated"} sides", "pictures of 32-bit floats or bytes, 4 sides");
        var last = second.Size is not (1 or 3) && fourth.Size is 1 or 3;
        var (channels, height, width) = last ? (fourth.Size, second.Size, third.Size) : (second.Size, third.Size, fourth.Size);
        if (channels is not (1 or 3))
            throw OnnxErrors.Input(_path, $"of {channels?.ToString(System.Globalization.CultureInfo.InvariantCulture) ?? "an open number of"} channels", "1 or 3");
        var (h, w) = (Side(height, _options.Size?.Height), Side(width, _options.Size?.Width));
        pixels = new(h, w, (int)channels, last);
        return new(1, h, w, (int)channels);
    }

    int Side(long? size, int? wanted)
    {
        if ((size ?? wanted) is not { } side)
            throw OnnxErrors.Input(_path, "of an open size", "a size, in the file or given");
        if (wanted is { } other && other != side)
            throw OnnxErrors.Input(_path, FormattableString.Invariant($"{side} pixels along a side"), FormattableString.Invariant($"{other}, the size that was given"));
        return side is >= 1 and <= MostPixels ? (int)side : throw OnnxErrors.Input(_path, FormattableString.Invariant($"{side} pixels along a side"), FormattableString.Invariant($"1 to {MostPixels:N0}"));
    }
}
