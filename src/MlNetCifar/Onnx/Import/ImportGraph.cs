namespace MlNetCifar.Onnx;

/// <summary>
/// A graph as the import sees it: only the nodes that one output needs, each value with those that read it, and constants apart from what depends on the picture.
/// </summary>
internal sealed class ImportGraph
{
    readonly Dictionary<string, List<OnnxNode>> _readers = [];
    readonly HashSet<string> _varying = [];

    /// <summary>Checks the graph.</summary>
    /// <param name="model">The file.</param>
    /// <param name="path">Named in errors.</param>
    /// <param name="output">The output wanted; null for the first.</param>
    /// <param name="budget">Elements that constants may have in all.</param>
    public ImportGraph(OnnxModel model, string path, string? output, long budget)
    {
        (Path, Opset) = (path, CheckVersions(model, path));
        var graph = model.Graph;
        Constants = new ImportConstants(graph.Initializers, path, budget);
        var inputs = graph.Inputs.Where(input => !Constants.Has(input.Name)).ToArray();
        if (inputs.Length != 1)
            throw OnnxErrors.Graph(path, $"it has {inputs.Length} inputs, not one picture");
        Input = inputs[0];
        if (graph.Outputs.Count == 0)
            throw OnnxErrors.Graph(path, "it has no output");
        Output = output ?? graph.Outputs[0].Name;
        if (graph.Outputs.All(o => o.Name != Output))
            throw OnnxErrors.NoSuchOutput(path, Output, graph.Outputs.Select(o => o.Name));
        OtherOutputs = [.. graph.Outputs.Select(o => o.Name).Where(name => name != Output)];
        Connect(graph.Nodes, Needed(graph.Nodes));
    }

    /// <summary>The file, named in errors.</summary>
    public string Path { get; }

    /// <summary>Version of the standard operators.</summary>
    public long Opset { get; }

    /// <summary>Where the picture goes.</summary>
    public OnnxValue Input { get; }

    /// <summary>The output that is imported.</summary>
    public string Output { get; }

    /// <summary>The outputs that are not.</summary>
    public IReadOnlyList<string> OtherOutputs { get; }

    /// <summary>What does not depend on the picture.</summary>
    public ImportConstants Constants { get; }

    /// <summary>The nodes that read a value, in the order of the file.</summary>
    public IReadOnlyList<OnnxNode> Readers(string value) => _readers.GetValueOrDefault(value) ?? [];

    /// <summary>Whether a value depends on the picture.</summary>
    public bool IsVarying(string value) => _varying.Contains(value);

    /// <summary>Inputs of a node that depend on the picture.</summary>
    public int VaryingInputs(OnnxNode node) => node.Inputs.Count(IsVarying);

    /// <summary>An error that names a node.</summary>
    public MlNetCifarException Wrong(OnnxNode node, string found, string expected) => OnnxErrors.Node(Path, node, found, expected);

    static long CheckVersions(OnnxModel model, string path)
    {
        if (model.IrVersion is < 3 or > 20)
            throw OnnxErrors.Version(path, $"version {model.IrVersion} of the format", "3 to 20");
        var standard = model.Opsets.Where(o => o.Domain.Length == 0).Select(o => o.Version).DefaultIfEmpty(0).Max();
        return standard is >= 7 and <= 26 ? standard : throw OnnxErrors.Version(path, $"version {standard} of the standard operators (opset)", "7 to 26");
    }

    /// <summary>The nodes that the output needs, by place; each value has one producer, which stands before its readers.</summary>
    bool[] Needed(IReadOnlyList<OnnxNode> nodes)
    {
        var producer = new Dictionary<string, int>();
        var known = new HashSet<string>(Constants.Names) { Input.Name, "" };
        for (var i = 0; i < nodes.Count; i++)
        {
            if (nodes[i].Inputs.FirstOrDefault(name => !known.Contains(name)) is { } unknown)
                throw OnnxErrors.Graph(
                    Path, $"node {nodes[i].Label} reads '{unknown}', which nothing before it gives; nodes go round in a circle, are out of order, or one is missing");
            foreach (var name in nodes[i].Outputs.Where(name => name.Length > 0))
            {
                if (!known.Add(name))
                    throw OnnxErrors.Graph(Path, $"node {nodes[i].Label} gives '{name}', which something else gives too");
                producer[name] = i;
            }
        }

        if (!known.Contains(Output))
            throw OnnxErrors.Graph(Path, $"nothing gives its output '{Output}'");
        var needed = new bool[nodes.Count];
        var open = new Stack<string>([Output]);
        while (open.TryPop(out var name))
        {
            if (!producer.TryGetValue(name, out var i) || needed[i])
                continue;
            needed[i] = true;
            foreach (var input in nodes[i].Inputs)
                open.Push(input);
        }

        return needed;
    }

    void Connect(IReadOnlyList<OnnxNode> nodes, bool[] needed)
    {
        _varying.Add(Input.Name);
        foreach (var node in nodes.Where((_, i) => needed[i]))
        {
            if (node.Domain.Length > 0)
                throw Wrong(node, $"an operator of '{node.Domain}'", "one of the standard");
            if (VaryingInputs(node) == 0)
            {
                Constants.Add(node);
                continue;
            }

            _varying.UnionWith(node.Outputs);
            foreach (var name in node.Inputs.Where(IsVarying).Distinct())
            {
                if (!_readers.TryGetValue(name, out var readers))
                    _readers.Add(name, readers = []);
                readers.Add(node);
            }
        }

        if (!IsVarying(Output))
            throw OnnxErrors.Graph(Path, $"its output '{Output}' does not depend on the picture");
    }
}
