using MlNetCifar.Nn;

namespace MlNetCifar.Onnx;

/// <summary>The operators that can be read, each with what it becomes.</summary>
internal static class OperatorReaders
{
    static readonly Dictionary<string, Action<OnnxNode, ImportPath>> s_readers = new()
    {
        ["Conv"] = Convolutions.ReadConv,
        ["BatchNormalization"] = Convolutions.ReadBatchNorm,
        ["MaxPool"] = Pools.ReadMax,
        ["AveragePool"] = Pools.ReadAverage,
        ["GlobalAveragePool"] = (node, path) => Pools.ReadGlobal(node, path, PoolKind.Average),
        ["GlobalMaxPool"] = (node, path) => Pools.ReadGlobal(node, path, PoolKind.Max),
        ["ReduceMean"] = (node, path) => Pools.ReadReduced(node, path, PoolKind.Average),
        ["ReduceMax"] = (node, path) => Pools.ReadReduced(node, path, PoolKind.Max),
        ["Gemm"] = DenseNodes.ReadGemm,
        ["MatMul"] = DenseNodes.ReadMatMul,
        ["Flatten"] = DenseNodes.ReadFlatten,
        ["Reshape"] = DenseNodes.ReadReshape,
        ["Squeeze"] = DenseNodes.ReadSqueeze,
        ["Softmax"] = DenseNodes.ReadSoftmax,
        ["Relu"] = (node, path) => Activations.Read(node, path, ActivationKind.Relu),
        ["Tanh"] = (node, path) => Activations.Read(node, path, ActivationKind.Tanh),
        ["Sigmoid"] = Activations.ReadSigmoid,
        ["LeakyRelu"] = Activations.ReadLeakyRelu,
        ["Gelu"] = Activations.ReadGelu,
        ["Add"] = Elementwise.ReadAdd,
        ["Mul"] = Elementwise.ReadMul,
        ["Div"] = Elementwise.ReadMul,
        ["Dropout"] = Elementwise.ReadDropout,
        ["Identity"] = static (_, _) => { },
        ["Cast"] = Elementwise.ReadCast,
    };

    /// <summary>Their names.</summary>
    public static IEnumerable<string> Names => s_readers.Keys.Order(StringComparer.Ordinal);

    /// <summary>What reads an operator; null for one that cannot be read.</summary>
    public static Action<OnnxNode, ImportPath>? Find(string op) => s_readers.GetValueOrDefault(op);
}
