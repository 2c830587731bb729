using System.Runtime.InteropServices;
using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Training.Groups;

[TestClass]
public sealed class FreezingTests
{
    const string Backbone = "conv*, layer*";

    static readonly TrainingOptions s_options = new() { LearningRate = 0.02f, WeightDecay = 0.01f, EmaDecay = 0.5f, GradientClipNorm = 1 };

    public static IEnumerable<object[]> Layers =>
        from optimizer in Enum.GetValues<OptimizerKind>()
        from layer in new[] { "conv1", "conv2", "layer1", "layer1.conv1", "layer1.bn1", "layer1.downsample.*", "fc1", "bn1", "fc2", Backbone, "*.weight", "*.running_*" }
        select new object[] { optimizer, layer };

    [TestMethod]
    [DynamicData(nameof(Layers))]
    public void Step_LeavesFrozenTensorsAlone_AndMovesTheRest(OptimizerKind optimizer, string layer)
    {
        using var run = new GroupNetwork(s_options with { Optimizer = optimizer, Groups = [ParameterGroup.Freeze(layer)] });
        var before = run.Values();
        var average = run.Session.Average!.Tensors.ToDictionary(t => t.Name, t => t.Values.ToArray());
        for (var step = 0; step < 3; step++)
            run.Step();
        var frozen = run.Weights.Tensors.Where(t => new ParameterGroup(layer).Matches(t, 1)).Select(t => t.Name).ToHashSet();
        Assert.IsNotEmpty(frozen);
        foreach (var tensor in run.Weights.Tensors)
        {
            var stays = frozen.Contains(tensor.Name) || tensor is { Role: ParameterRole.Fixed } or { Role: ParameterRole.Statistic, Spec.Name: "weight" };
            Assert.AreEqual(stays, Same(before[tensor.Name], tensor.Values), $"{tensor.Name} with {layer} frozen");
            Assert.AreEqual(stays, Same(average[tensor.Name], run.Session.Average!.Find(tensor.Name)!.Values), $"average of {tensor.Name}");
        }
    }

    [TestMethod]
    public void Step_WithAFrozenBackbone_HasNoGradientsMomentsOrBackwardPassBelowTheHead()
    {
        using var run = new GroupNetwork(s_options with { Groups = [ParameterGroup.Freeze($"{Backbone}, fc1, bn1")] });
        var head = run.Weights.Tensors.Where(t => t.Node.WeightName == "fc2").Sum(t => Arena.Align(t.Length));
        Assert.AreEqual(head, run.Session.Network.Gradients!.All.Length);
        foreach (var moment in run.Session.Optimizer.MomentBlocks)
            Assert.AreEqual(head, moment.Length);
        var ops = run.Session.Network.Ops;
        Assert.IsTrue(ops.Take(ops.Length - 1).All(op => op.Output.Gradient is null));
        Assert.IsNotNull(ops[^1].Output.Gradient);
    }

    [TestMethod]
    public void Step_DoesNotPackFrozenWeightsAgain()
    {
        using var untouched = new GroupNetwork(s_options with { Groups = [ParameterGroup.Freeze(Backbone)] });
        using var spoilt = new GroupNetwork(s_options with { Groups = [ParameterGroup.Freeze(Backbone)] });
        Assert.AreEqual(untouched.Step(), spoilt.Step());

        // What is packed is not read again.
        foreach (var tensor in spoilt.Weights.Tensors.Where(t => t.Node.Layer is Conv2d && t.Dimensions.Length == 4))
            tensor.Values.Fill(float.NaN);
        for (var step = 0; step < 3; step++)
            Assert.AreEqual(untouched.Step(), spoilt.Step());

        // Unless its owner says that it has changed.
        spoilt.Weights.Find("conv2.weight")!.Changed();
        Assert.IsTrue(double.IsNaN(spoilt.Step()));
    }

    [TestMethod]
    public void Network_WithAFrozenBackbone_PlansTheMemoryOfInference()
    {
        const int batch = 16;
        using var pool = new WorkerPool(2);
        using var weights = NetworkWeights.Initialize(Architectures.Create("resnet9", 32, 32, 3, 10), 1);
        (double Own, double Packed) Bytes(bool training, Func<WeightTensor, bool> frozen)
        {
            using var network = new Network(weights, batch, training, pool, frozen: weights.Tensors.Where(frozen).ToHashSet());
            return (network.OwnBytes, network.SharedBytes);
        }

        var inference = Bytes(false, _ => false);
        var frozen = Bytes(true, t => t.Node.WeightName != "fc1");
        var whole = Bytes(true, _ => false);
        Assert.AreEqual(inference.Own, frozen.Own, 0.02 * inference.Own);
        Assert.AreEqual(inference.Packed, frozen.Packed, 0.02 * inference.Packed);
        Assert.IsGreaterThan(1.1 * inference.Own, whole.Own);
        Assert.IsGreaterThan(1.8 * inference.Packed, whole.Packed);
    }

    [TestMethod]
    [DataRow(OptimizerKind.Sgd)]
    [DataRow(OptimizerKind.Adam)]
    [DataRow(OptimizerKind.Muon)]
    [DoNotParallelize]
    public void Step_WithFrozenParts_AllocatesNothing(OptimizerKind optimizer)
    {
        using var run = new GroupNetwork(s_options with { Optimizer = optimizer, Groups = [ParameterGroup.Freeze("conv2, layer1.bn1"), new("fc1") { RateFactor = 0.5f }] });
        for (var i = 0; i < 3; i++)
            run.Step();
        Assert.AreEqual(0, Allocation.Least(run.Session.Pool, () => run.Step()));
    }

    [TestMethod]
    public void FrozenNormalisation_TrainsAsItIsUsed()
    {
        // Of everything but the head frozen, a step's forward pass is that of inference.
        using var run = new GroupNetwork(s_options with { EmaDecay = null, Groups = [ParameterGroup.Freeze("conv*, layer*, fc1, bn1")] }, GroupNetwork.Spec with { Layers = GroupNetwork.Spec.Layers.RemoveAt(10) });
        using var use = new Network(run.Weights, 12, training: false, run.Session.Pool);
        run.Images.Pixels.CopyTo(use.Input(12));
        use.Forward(12);
        var expected = use.Loss(run.Images.Labels, 0, [], out _);
        Assert.AreEqual(expected, run.Step(), 1e-5);
    }

    static bool Same(float[] before, ReadOnlySpan<float> after) => MemoryMarshal.AsBytes<float>(before).SequenceEqual(MemoryMarshal.AsBytes(after));
}
