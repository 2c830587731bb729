using MlNetCifar.Data;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Onnx;

/// <summary>Makes an ONNX model of a classifier.</summary>
internal static class Exporter
{
    const string Producer = "MlNetCifar";

    /// <summary>Makes the model.</summary>
    /// <param name="model">Only read.</param>
    /// <param name="options">Checked choices.</param>
    public static OnnxModel Build(ImageClassifier model, OnnxExportOptions options)
    {
        using var folded = options.FoldBatchNorm ? NormFolding.Fold(model.Weights) : null;
        var forms = new WeightForms(options.Weights);

        // What is described is what is written: the rounded weights of the folded network.
        using var written = model.WithWeights(forms.Round(folded ?? model.Weights));
        return new()
        {
            IrVersion = options.Version switch { <= 18 => 8, <= 20 => 9, <= 22 => 10, _ => 11 },
            Producer = Producer,
            ProducerVersion = Files.FileOrigin.Current,
            Opsets = [("", options.Version)],
            Metadata = ExportMetadata.Of(written, options),
            Graph = Graph(written, options, forms),
        };
    }

    /// <summary>The graph of a classifier whose weights are rounded already.</summary>
    /// <param name="model">Only read.</param>
    /// <param name="options">Checked choices.</param>
    /// <param name="forms">Knows the weights' forms.</param>
    public static OnnxGraph Graph(ImageClassifier model, OnnxExportOptions options, WeightForms forms)
    {
        var (spec, weights) = (model.Network, model.Weights);
        var graph = new GraphBuilder(weights, options, forms);
        var input = Input(spec, options.Input);
        var outputs = graph.Add(weights.Nodes, options.Input switch
        {
            OnnxInput.Pixels => Scale(graph, Picture(graph, input.Name), spec, model.Normalization),
            OnnxInput.Pictures => Scale(graph, new PictureSteps(graph, model.Preprocess).Add(input.Name), spec, model.Normalization),
            _ => MoveToMeanImage(graph, input.Name, spec, model.Normalization),
        });
        outputs = graph.InOrder(graph.Flat(weights.Nodes[^1], outputs), weights.Nodes[^1]);
        outputs = Logits(graph, outputs, spec);
        var temperature = model.Calibration?.Temperature ?? 1;
        var calibrated = temperature == 1 ? outputs : graph.Add("calibrated", "Mul", [outputs, graph.Number((float)(1 / temperature))]);
        graph.Add("probabilities", "Softmax", [calibrated], ("axis", 1L));
        var best = graph.Add("best", "ArgMax", [outputs], ("axis", 1L), ("keepdims", 0L));
        var names = graph.Constant(new OnnxTensor("class_names", ElementType.String, [spec.Classes]) { Texts = [.. model.Classes] });
        graph.Add("label", "Gather", [names, best], ("axis", 0L));
        OnnxDimension batch = Batch(options.Input), classes = new(spec.Classes);
        return new()
        {
            Name = spec.Name,
            Nodes = graph.Nodes,
            Initializers = graph.Constants,
            Inputs = [input],
            Outputs =
            [
                new("logits", ElementType.Float, [batch, classes]), new("probabilities", ElementType.Float, [batch, classes]), new("label", ElementType.String, [batch]),
            ],
        };
    }

    static OnnxValue Input(NetworkSpec spec, OnnxInput kind)
    {
        OnnxDimension batch = Batch(kind), channels = new(spec.Channels, "", "DATA_CHANNEL");
        OnnxDimension height = new(spec.Height, "", "DATA_FEATURE"), width = new(spec.Width, "", "DATA_FEATURE");
        OnnxDimension[] anySize = [batch, new(null, "height", "DATA_FEATURE"), new(null, "width", "DATA_FEATURE"), new(3, "", "DATA_CHANNEL")];
        return kind switch
        {
            OnnxInput.Pixels => new("pixels", ElementType.UInt8, [batch, height, width, channels]) { Denotation = "IMAGE", Description = "Pixels from 0 to 255, red, green, blue" },
            OnnxInput.Pictures => new("picture_pixels", ElementType.UInt8, anySize) { Denotation = "IMAGE", Description = "One picture of any size, pixels from 0 to 255, red, green, blue" },
            _ => new("input", ElementType.Float, [batch, channels, height, width]) { Denotation = "IMAGE", Description = "Pixels, scaled by mean and deviation" },
        };
    }

    /// <summary>Pictures of any size come one at a time.</summary>
    static OnnxDimension Batch(OnnxInput kind) => kind == OnnxInput.Pictures ? new(1, "", "DATA_BATCH") : new(null, "N", "DATA_BATCH");

    static string Picture(GraphBuilder graph, string pixels)
    {
        var floats = graph.Add("floats", "Cast", [pixels], ("to", (long)ElementType.Float));
        return graph.Add("picture", "Transpose", [floats], ("perm", new long[] { 0, 3, 1, 2 }));
    }

    /// <summary>Bytes to what the first layer takes, with the figures of <see cref="PixelNormalizer"/>.</summary>
    static string Scale(GraphBuilder graph, string picture, NetworkSpec spec, Normalization normalization)
    {
        var normalizer = new PixelNormalizer(spec.Width, normalization, SimdLevel.Active);
        var channels = spec.Channels;
        var plane = normalization.MeanImage is null ? 1 : spec.Height * spec.Width;
        var summands = new float[plane * channels];
        for (var i = 0; i < summands.Length; i++)
            summands[(i % channels * plane) + (i / channels)] = normalizer.Bias[i];
        long[] shape = plane == 1 ? [1, channels, 1, 1] : [1, channels, spec.Height, spec.Width];
        var scaled = graph.Add("scaled", "Mul", [picture, graph.Constant("pixel_scale", [1, channels, 1, 1], normalizer.Scale.AsSpan(0, channels))]);
        return graph.Add("normalized", "Add", [scaled, graph.Constant("pixel_summand", shape, summands)]);
    }

    /// <summary>What is scaled by mean and deviation of each channel to what is scaled by a mean image, where the model has one.</summary>
    static string MoveToMeanImage(GraphBuilder graph, string input, NetworkSpec spec, Normalization normalization)
    {
        if (normalization.MeanImage is not { } image)
            return input;
        var (channels, plane) = (spec.Channels, spec.Height * spec.Width);
        var summands = new float[image.Count];
        for (var i = 0; i < summands.Length; i++)
            summands[(i % channels * plane) + (i / channels)] = (normalization.Mean[i % channels] - image[i]) / normalization.Std[i % channels];
        return graph.Add("from_mean_image", "Add", [input, graph.Constant("mean_image_summand", [1, channels, spec.Height, spec.Width], summands)]);
    }

    /// <summary>One number a class; the single one of a sigmoid network as its halves.</summary>
    static string Logits(GraphBuilder graph, string outputs, NetworkSpec spec) => spec.Loss == LossKind.SigmoidCrossEntropy
        ? graph.Add("logits", "Mul", [outputs, graph.Constant("two_classes", [1, 2], [-0.5f, 0.5f])])
        : graph.Add("logits", "Identity", [outputs]);
}
