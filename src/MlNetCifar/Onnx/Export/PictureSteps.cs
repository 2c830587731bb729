namespace MlNetCifar.Onnx;

/// <summary>
/// The preprocessing of one picture of any size as a graph: resize with antialiasing, crop or margin, grey. ONNX Runtime resizes bytes as Pillow does, rounding after rows and
/// after columns, so that the pixels are those of <see cref="Imaging.Preprocessor"/> but for one step of 255 here and there. The outermost pixels of a bilinear resize differ by
/// more: ONNX can leave what lies beyond the edge out of a cubic mean alone, and repeats the edge in others.
/// </summary>
/// <param name="graph">Where the nodes go.</param>
/// <param name="spec">What they do; one of those that <see cref="Obstacle"/> has nothing against.</param>
internal sealed class PictureSteps(GraphBuilder graph, PreprocessSpec spec)
{
    /// <summary>The oldest set of operators whose Resize averages over the area when it shrinks.</summary>
    public const int Opset = 18;

    /// <summary>A side is cut off at this length before a crop, as in <see cref="Imaging.Preprocessor"/>.</summary>
    const long LongestSide = 1 << 20;

    /// <summary>What of a specification has no form in ONNX; null where all of it has one.</summary>
    public static string? Obstacle(PreprocessSpec spec) => spec switch
    {
        { Resize: ResizeMode.CenterCrop } => "the crop to fractions of a pixel of 'centercrop'",
        { Filter: not (ResizeFilter.Bilinear or ResizeFilter.Bicubic) } => $"the filter '{spec.Filter.ToString().ToLowerInvariant()}'",
        { Median: > 0 } => "the median filter",
        { Blur: > 0 } => "the blur",
        _ => null,
    };

    /// <summary>Adds the steps.</summary>
    /// <param name="pixels">Bytes, [1, height, width, 3].</param>
    /// <returns>Floats of whole numbers 0 … 255, [1, channels, H, W].</returns>
    public string Add(string pixels)
    {
        var shape = graph.Add("picture_shape", "Shape", [pixels]);
        string height = Side("picture_height", shape, 1), width = Side("picture_width", shape, 2);
        var planes = graph.Add("planes", "Transpose", [pixels], ("perm", new long[] { 0, 3, 1, 2 }));
        var fitted = spec.Resize switch
        {
            ResizeMode.Stretch => Floats(Resize(planes, Ints("resized_size", 1, 3, spec.Height, spec.Width))),
            ResizeMode.FitPad => FitAndPad(planes, height, width),
            _ => CoverAndCrop(planes, height, width),
        };
        return spec.Channels == 1 ? Grey(fitted) : fitted;
    }

    string CoverAndCrop(string planes, string height, string width)
    {
        string tall, wide;
        if (spec.ShorterSide > 0)
        {
            var shorter = graph.Add("picture_shorter", "Min", [height, width]);
            (tall, wide) = (Share("covering_height", spec.ShorterSide, height, shorter), Share("covering_width", spec.ShorterSide, width, shorter));
        }
        else
            (tall, wide) = (Share("covering_height", spec.Width, height, width), Share("covering_width", spec.Height, width, height));
        (tall, wide) = (Within(tall, spec.Height, LongestSide), Within(wide, spec.Width, LongestSide));
        var resized = Resize(planes, Size(tall, wide));
        var starts = graph.Add("crop_start", "Concat", [Half("crop_top", tall, Ints("side_height", spec.Height)), Half("crop_left", wide, Ints("side_width", spec.Width))], ("axis", 0L));
        var ends = graph.Add("crop_end", "Add", [starts, Ints("sides", spec.Height, spec.Width)]);
        return Floats(graph.Add("cropped", "Slice", [resized, starts, ends, Ints("axes_2_3", 2, 3)]));
    }

    string FitAndPad(string planes, string height, string width)
    {
        string tall = Within(Rounded("fitting_height", height, width, spec.Width), 1, spec.Height), wide = Within(Rounded("fitting_width", width, height, spec.Height), 1, spec.Width);
        var floats = Floats(Resize(planes, Size(tall, wide)));
        string top = Half("margin_top", Ints("side_height", spec.Height), tall), left = Half("margin_left", Ints("side_width", spec.Width), wide);
        var bottom = Rest("margin_bottom", Ints("side_height", spec.Height), tall, top);
        var right = Rest("margin_right", Ints("side_width", spec.Width), wide, left);
        var margins = graph.Add("margins", "Concat", [Ints("no_margin", 0, 0), top, left, Ints("no_margin", 0, 0), bottom, right], ("axis", 0L));
        if (spec.PadColor == 0)
            return graph.Add("padded", "Pad", [floats, margins]);

        // A margin has one value in ONNX: the colour is what the picture is measured from for as long as that takes.
        var colour = graph.Constant("pad_colour", [1, 3, 1, 1], [spec.PadColor >> 16, (spec.PadColor >> 8) & 255, spec.PadColor & 255]);
        return graph.Add("padded", "Add", [graph.Add("margin_of_0", "Pad", [graph.Add("from_colour", "Sub", [floats, colour]), margins]), colour]);
    }

    /// <summary>ITU-R 601 in 16 bits behind the point, as <see cref="Imaging.Smoothing.ToGrey"/>: every product and sum is exact in 32-bit floats.</summary>
    string Grey(string floats)
    {
        var weighed = graph.Add("luma_parts", "Mul", [floats, graph.Constant("luma", [1, 3, 1, 1], [19595f / 65536, 38470f / 65536, 7471f / 65536])]);
        var sum = graph.Add("luma_sum", "ReduceSum", [weighed, Ints("axis_1", 1)], ("keepdims", 1L));
        return graph.Add("grey", "Floor", [graph.Add("luma_rounded", "Add", [sum, graph.Number(0.5f)])]);
    }

    string Resize(string planes, string sizes)
    {
        string[] inputs = [planes, "", "", sizes];
        return spec.Filter switch
        {
            ResizeFilter.Bicubic => graph.Add("resized", "Resize", inputs, ("mode", "cubic"), ("antialias", 1L), ("cubic_coeff_a", -0.5f), ("exclude_outside", 1L)),
            _ => graph.Add("resized", "Resize", inputs, ("mode", "linear"), ("antialias", 1L)),
        };
    }

    string Floats(string bytes) => graph.Add("picture", "Cast", [bytes], ("to", (long)ElementType.Float));

    string Size(string height, string width) => graph.Add("resized_size", "Concat", [Ints("one_of_3", 1, 3), height, width], ("axis", 0L));

    string Side(string name, string shape, long axis) => graph.Add(name, "Gather", [shape, Ints($"axis_{axis}", axis)], ("axis", 0L));

    /// <summary>⌊factor · side ÷ by⌋.</summary>
    string Share(string name, long factor, string side, string by) =>
        graph.Add(name, "Div", [graph.Add($"{name}_times", "Mul", [side, Ints($"factor_{factor}", factor)]), by]);

    /// <summary>factor · side ÷ by, rounded to even.</summary>
    string Rounded(string name, string side, string by, long factor)
    {
        string Double(string value) => graph.Add($"{name}_{value}_double", "Cast", [value], ("to", (long)ElementType.Double));
        var ratio = graph.Add($"{name}_ratio", "Div", [Double(side), Double(by)]);
        var length = graph.Add($"{name}_length", "Mul", [ratio, graph.Add($"{name}_factor", "Cast", [Ints($"factor_{factor}", factor)], ("to", (long)ElementType.Double))]);
        return graph.Add(name, "Cast", [graph.Add($"{name}_rounded", "Round", [length])], ("to", (long)ElementType.Int64));
    }

    string Within(string value, long least, long most) =>
        graph.Add($"{value}_within", "Max", [graph.Add($"{value}_at_most", "Min", [value, Ints($"most_{most}", most)]), Ints($"least_{least}", least)]);

    /// <summary>Half of a difference, rounded to even.</summary>
    string Half(string name, string larger, string smaller)
    {
        var difference = graph.Add($"{name}_difference", "Cast", [graph.Add($"{name}_whole", "Sub", [larger, smaller])], ("to", (long)ElementType.Float));
        return graph.Add(name, "Cast", [graph.Add($"{name}_rounded", "Round", [graph.Add($"{name}_half", "Mul", [difference, graph.Number(0.5f)])])], ("to", (long)ElementType.Int64));
    }

    string Rest(string name, string whole, string part, string before) => graph.Add(name, "Sub", [graph.Add($"{name}_and_before", "Sub", [whole, part]), before]);

    string Ints(string name, params ReadOnlySpan<long> values) => graph.Constant(OnnxTensor.Of(name, [values.Length], values));
}
