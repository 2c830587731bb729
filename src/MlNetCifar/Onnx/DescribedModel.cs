using MlNetCifar.Inference;

namespace MlNetCifar.Onnx;

/// <summary>
/// Files that this library exported: their metadata say all that a model file says. They are believed where the graph that the description gives is the graph in the file,
/// node by node and constant by constant; then the model is the exported one to the bit.
/// </summary>
internal static class DescribedModel
{
    const string Half = "_float16";
    const string Quantized = "_int8";
    const string Scale = "_scale";

    /// <summary>The model that a file describes.</summary>
    /// <param name="model">The file.</param>
    /// <param name="path">Named in errors.</param>
    /// <param name="doubt">Why there is none, though the file has a description; else null.</param>
    /// <returns>Null where the file has no description, or one that is not of its graph; the caller disposes it.</returns>
    public static ImageClassifier? Read(OnnxModel model, string path, out string? doubt)
    {
        doubt = null;
        if (Find(model, ModelFile.Key) is not { } description || Find(model, ExportMetadata.Export) is not { } choices)
            return null;
        ImageClassifier? classifier = null;
        try
        {
            var options = ExportMetadata.Read(choices) ?? throw new InvalidDataException("the choices of its export are not known");
            var forms = new WeightForms(options.Weights);
            classifier = ModelFile.Restore(description, new TensorFile(Tensors(model.Graph, forms), model.Metadata.Where(pair => pair.Name == ProofRecord.Key).Take(1).ToDictionary(pair => pair.Name, pair => pair.Value)), path);
            if (Difference(Exporter.Graph(classifier, options, forms), model.Graph) is { } difference)
                throw new InvalidDataException(difference);
            return classifier;
        }
        catch (Exception e) when (e is InvalidDataException or MlNetCifarException)
        {
            classifier?.Dispose();
            doubt = $"The description in the file was not used: {(e is MlNetCifarException named ? $"{named.Code}: {named.Reason}" : e.Message + ".")}";
            return null;
        }
    }

    static string? Find(OnnxModel model, string name) => model.Metadata.FirstOrDefault(pair => pair.Name == name).Value;

    /// <summary>The weights: constants with a dot in their name, which no other has.</summary>
    static List<FileTensor> Tensors(OnnxGraph graph, WeightForms forms)
    {
        var constants = graph.Initializers.DistinctBy(t => t.Name).ToDictionary(t => t.Name);
        var tensors = new List<FileTensor>();
        foreach (var tensor in constants.Values.Where(t => t.Name.Contains('.') && !t.Name.EndsWith(Scale, StringComparison.Ordinal)))
        {
            if (tensor.Dimensions.Any(d => d is < 0 or > int.MaxValue))
                throw new InvalidDataException($"the tensor '{tensor.Name}' has the shape [{string.Join(", ", tensor.Dimensions)}]");
            int[] shape = [.. tensor.Dimensions.Select(d => (int)d)];
            if (tensor.Type == ElementType.Int8 && tensor.Name.EndsWith(Quantized, StringComparison.Ordinal))
            {
                var name = tensor.Name[..^Quantized.Length];
                var scales = constants.GetValueOrDefault(name + Scale) ?? throw new InvalidDataException($"the tensor '{tensor.Name}' has no scales");
                tensors.Add(new(name, shape, forms.Keep(name, tensor.ToInts(), scales.ToFloats())));
            }
            else
            {
                var isHalf = tensor.Type == ElementType.Float16 && tensor.Name.EndsWith(Half, StringComparison.Ordinal);
                tensors.Add(new(isHalf ? tensor.Name[..^Half.Length] : tensor.Name, shape, tensor.ToFloats(), isHalf));
            }
        }

        return tensors.DistinctBy(t => t.Name).Count() == tensors.Count ? tensors : throw new InvalidDataException("two tensors have one name");
    }

    /// <summary>The first difference of two graphs, in words; null where they are the same.</summary>
    static string? Difference(OnnxGraph expected, OnnxGraph found)
    {
        if (expected.Nodes.Count != found.Nodes.Count)
            return $"it is for {expected.Nodes.Count} nodes and the graph has {found.Nodes.Count}";
        for (var i = 0; i < expected.Nodes.Count; i++)
            if (!IsSame(expected.Nodes[i], found.Nodes[i]))
                return $"the node {found.Nodes[i].Label} is not the {expected.Nodes[i].Label} that it says";
        var constants = found.Initializers.DistinctBy(t => t.Name).ToDictionary(t => t.Name);
        if (constants.Count != expected.Initializers.Count || found.Initializers.Count != constants.Count)
            return $"it is for {expected.Initializers.Count} constants and the graph has {found.Initializers.Count}";
        foreach (var tensor in expected.Initializers)
            if (!constants.TryGetValue(tensor.Name, out var other) || !IsSame(tensor, other))
                return $"the constant '{tensor.Name}' is another";
        return expected.Inputs.SequenceEqual(found.Inputs, Shapes.Instance) && expected.Outputs.SequenceEqual(found.Outputs, Shapes.Instance) ? null : "the inputs or outputs are others";
    }

    static bool IsSame(OnnxNode a, OnnxNode b) =>
        (a.Op, a.Domain) == (b.Op, b.Domain) && a.Inputs.SequenceEqual(b.Inputs) && a.Outputs.SequenceEqual(b.Outputs) && a.Attributes.Count == b.Attributes.Count
        && a.Attributes.All(attribute => b.Find(attribute.Name) is { } other && IsSame(attribute, other));

    static bool IsSame(OnnxAttribute a, OnnxAttribute b) =>
        (a.Kind, a.Int, a.Text) == (b.Kind, b.Int, b.Text) && a.Real.Equals(b.Real) && a.Ints.SequenceEqual(b.Ints) && b.Tensor is null;

    static bool IsSame(OnnxTensor a, OnnxTensor b) =>
        a.Type == b.Type && a.Dimensions.SequenceEqual(b.Dimensions) && b.Parts.Count == 0 && !b.IsExternal && a.Texts.SequenceEqual(b.Texts) && a.Raw.Span.SequenceEqual(b.Raw.Span);

    /// <summary>Values are compared by name, type and sizes.</summary>
    sealed class Shapes : IEqualityComparer<OnnxValue>
    {
        public static Shapes Instance { get; } = new();

        public bool Equals(OnnxValue? a, OnnxValue? b) =>
            a is not null && b is not null && (a.Name, a.Type) == (b.Name, b.Type)
            && (a.Dimensions ?? []).Select(d => d.Size).SequenceEqual((b.Dimensions ?? []).Select(d => d.Size));

        public int GetHashCode(OnnxValue value) => value.Name.GetHashCode(StringComparison.Ordinal);
    }
}
