using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>
/// Reads a graph as a chain of layers with residual blocks: along the one reader of each value, and where a value has two readers along both, until they meet in an Add.
/// </summary>
/// <param name="graph">The graph.</param>
internal sealed class ImportWalk(ImportGraph graph)
{
    /// <summary>Residual blocks inside residual blocks.</summary>
    const int MostDepth = 16;

    /// <summary>Reads a path to the output.</summary>
    public void Read(ImportPath path)
    {
        if (Follow(graph.Input.Name, path, depth: 0) is { Join: { } join })
            throw graph.Wrong(join, "it joins values that did not part", "paths that begin at one value");
    }

    /// <summary>Follows a path until it ends or joins another.</summary>
    (string Value, OnnxNode? Join) Follow(string value, ImportPath path, int depth)
    {
        while (value != graph.Output)
        {
            var readers = graph.Readers(value);
            switch (readers.Count)
            {
                case 1 when IsJoin(readers[0]):
                    return (value, readers[0]);
                case 1:
                    value = Step(readers[0], value, path);
                    break;
                case 2 when Activations.FindGate(graph, value, readers) is var (layer, last):
                    path.Add(readers[0], layer);
                    value = last.Outputs[0];
                    break;
                case 2:
                    value = Fork(value, readers, path, depth);
                    break;
                default:
                    throw OnnxErrors.Graph(graph.Path, $"the value '{value}' is read by {readers.Count} nodes ({string.Join(", ", readers.Take(4).Select(n => n.Label))}); a residual block has two");
            }
        }

        return graph.Readers(value).Count == 0
            ? (value, null)
            : throw OnnxErrors.Graph(graph.Path, $"its output '{value}' is read by other nodes that the output needs");
    }

    string Fork(string value, IReadOnlyList<OnnxNode> readers, ImportPath path, int depth)
    {
        if (depth == MostDepth)
            throw graph.Wrong(readers[0], $"a residual block inside {MostDepth} others", "fewer");
        path.RequireFork(readers[0]);
        var (first, second) = (new ImportPath(graph, path.Shape, path.IsFlat), new ImportPath(graph, path.Shape, path.IsFlat));
        var (one, other) = (Branch(readers[0], value, first, depth), Branch(readers[1], value, second, depth));
        if (one.Join is null || other.Join is null || !ReferenceEquals(one.Join, other.Join))
            throw OnnxErrors.Graph(graph.Path, $"the paths by {readers[0].Label} and {readers[1].Label} from the value '{value}' do not meet in one Add");
        var join = one.Join;
        var (body, shortcut) = join.Inputs[0] == one.Value ? (first, second) : (second, first);
        if (body.Layers.Count == 0)
            (body, shortcut) = (shortcut, body);
        if (body.Layers.Count == 0 || body.Shape != shortcut.Shape || body.IsFlat != shortcut.IsFlat)
            throw graph.Wrong(join, $"it adds {body.Shape} and {shortcut.Shape}", "results of one shape, of layers at least on one side");
        path.Add(ImportedLayer.Residual(body.Layers, shortcut.Layers), body.Shape);
        path.IsFlat = body.IsFlat;
        return join.Outputs[0];
    }

    (string Value, OnnxNode? Join) Branch(OnnxNode reader, string value, ImportPath path, int depth) =>
        IsJoin(reader) ? (value, reader) : Follow(Step(reader, value, path), path, depth + 1);

    bool IsJoin(OnnxNode node) => node.Op is "Add" or "Sum" && node.Inputs.Count == 2 && graph.VaryingInputs(node) == 2 && node.Inputs[0] != node.Inputs[1];

    /// <summary>Reads one node.</summary>
    /// <returns>The value that it, and what was read along with it, gives.</returns>
    string Step(OnnxNode node, string value, ImportPath path)
    {
        if (path.Ending is { } ending)
            throw graph.Wrong(node, $"it follows the {ending.Op} at the end", "nothing there");
        if (node.Outputs.Count == 0 || node.Outputs[0].Length == 0)
            throw graph.Wrong(node, "no output", "one");
        if (path.IsAtPixels && path.Pixels!.Take(node, graph) is { } next)
            return next;
        if (path.Pixels is { } pixels)
            pixels.IsDone = true;
        if (node.Outputs.Skip(1).FirstOrDefault(output => graph.Readers(output).Count > 0) is { } second)
            throw graph.Wrong(node, $"its output '{second}' is read", "that only the first is");
        var read = OperatorReaders.Find(node.Op) ?? throw graph.Wrong(node, $"the operator {node.Op}", $"one of {string.Join(", ", OperatorReaders.Names)}");
        read(node, path);
        return node.Outputs[0];
    }
}
