using MlNetCifar.Nn;
using MlNetCifar.Numerics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Nn;

[TestClass]
public sealed class NetworkWeightsTests
{
    static readonly NetworkSpec s_spec = Architectures.Create("advanced-cnn", 16, 16, 3, 10);

    [TestMethod]
    public void Initialize_DependsOnTheSeedAlone()
    {
        using var a = NetworkWeights.Initialize(s_spec, 5);
        using var b = NetworkWeights.Initialize(s_spec, 5);
        using var c = NetworkWeights.Initialize(s_spec, 6);
        Assert.AreEqual(a.Sha256(), b.Sha256());
        Assert.AreNotEqual(a.Sha256(), c.Sha256());
    }

    [TestMethod]
    public void Clone_HasMemoryOfItsOwn()
    {
        using var weights = NetworkWeights.Initialize(s_spec, 5);
        weights.Find("bn1.running_mean")!.Values[0] = 7;
        using var copy = weights.Clone();
        Assert.AreEqual(weights.Sha256(), copy.Sha256());
        copy.Find("conv1.weight")!.Values[0] += 1;
        copy.Find("bn1.running_mean")!.Values[0] += 1;
        Assert.AreEqual(7f, weights.Find("bn1.running_mean")!.Values[0]);
        Assert.AreNotEqual(weights.Sha256(), copy.Sha256());
    }

    [TestMethod]
    public void CopyFrom_MakesPackedCopiesStale()
    {
        using var weights = NetworkWeights.Initialize(s_spec, 5);
        using var other = NetworkWeights.Initialize(s_spec, 6);
        using var pool = new WorkerPool(1);
        using var network = new Network(weights, 1, false, pool);
        using var expected = new Network(other, 1, false, pool);
        network.Forward(1);
        weights.CopyFrom(other);
        foreach (var net in new[] { network, expected })
        {
            net.Input(1).Fill(0.5f);
            net.Forward(1);
        }

        CollectionAssert.AreEqual(expected.Logits(1).ToArray(), network.Logits(1).ToArray());
    }

    [TestMethod]
    public void Tensors_AreNamedLikeTorchvision()
    {
        using var weights = NetworkWeights.Initialize(Architectures.Create("resnet9", 32, 32, 3, 10), 0);
        foreach (var name in new[] { "conv1.weight", "bn1.running_var", "layer1.conv1.weight", "layer1.bn2.bias", "layer2.conv2.weight", "fc1.weight" })
            Assert.IsNotNull(weights.Find(name), name);
        Assert.IsNull(weights.Find("fc1.bias"));
        Assert.HasCount(weights.Tensors.Length, weights.Tensors.Select(t => t.Name).Distinct().ToArray());
    }

    [TestMethod]
    public void Tensors_AreAlignedAndApart()
    {
        using var weights = NetworkWeights.Initialize(s_spec, 0);
        foreach (var block in weights.Tensors.GroupBy(t => t.Spec.IsTrained))
        {
            var end = 0L;
            foreach (var tensor in block)
            {
                Assert.AreEqual(0, tensor.Offset % Arena.Alignment);
                Assert.IsGreaterThanOrEqualTo(end, tensor.Offset);
                end = tensor.Offset + tensor.Length;
            }
        }
    }

    // A seventh of a million draws: their moments are within 5 standard errors of the distribution's.
    [TestMethod]
    [DataRow(Initializer.HeNormal, 2.0 / 288, 3.0)]
    [DataRow(Initializer.HeUniform, 2.0 / 288, 1.8)]
    [DataRow(Initializer.GlorotNormal, 2.0 / (288 + 576), 3.0)]
    [DataRow(Initializer.GlorotUniform, 2.0 / (288 + 576), 1.8)]
    [DataRow(Initializer.LecunNormal, 1.0 / 288, 3.0)]
    [DataRow(Initializer.FanInUniform, 1.0 / 3 / 288, 1.8)]
    [DataRow(Initializer.UnitUniform, 1.0, 1.8)]
    public void Fill_HasTheMomentsOfItsDistribution(Initializer kind, double variance, double kurtosis)
    {
        var parameter = new ParameterSpec("weight", [3, 3, 32, 64], ParameterRole.Weight, kind);
        Assert.AreEqual((288, 576), (parameter.FanIn, parameter.FanOut));
        var values = new float[3 * 3 * 32 * 64 * 8];
        for (var i = 0; i < 8; i++)
            Initializers.Fill(parameter, values.AsSpan(i * values.Length / 8, values.Length / 8), new SplitRandom(1, RandomPurpose.Initialize, (ulong)i));
        double Moment(int power) => values.Average(v => Math.Pow(v / Math.Sqrt(variance), power));
        var n = values.Length;
        Assert.AreEqual(0, Moment(1), 5 / Math.Sqrt(n));
        Assert.AreEqual(1, Moment(2), 5 * Math.Sqrt((kurtosis - 1) / n));
        Assert.AreEqual(kurtosis, Moment(4), 5 * Math.Sqrt((kurtosis == 3 ? 96 : 144.0 / 25 * 0.8) / n));
        if (kurtosis < 3)
            Assert.IsLessThanOrEqualTo((float)Math.Sqrt(3 * variance), values.Max(Math.Abs));
    }

    [TestMethod]
    public void Fill_ConstantsAndIdentity()
    {
        var values = new float[3 * 3 * 4 * 6];
        Initializers.Fill(new ParameterSpec("weight", [6], ParameterRole.Gain, Initializer.Ones), values, default);
        Assert.IsTrue(values.All(v => v == 1));
        Initializers.Fill(new ParameterSpec("bias", [6], ParameterRole.Bias, Initializer.Zeros), values, default);
        Assert.IsTrue(values.All(v => v == 0));
        Initializers.Fill(new ParameterSpec("weight", [3, 3, 4, 6], ParameterRole.Weight, Initializer.Dirac), values, new SplitRandom(1, RandomPurpose.Initialize));
        for (var i = 0; i < values.Length; i++)
        {
            int k = i % 6, c = i / 6 % 4, tap = i / 24;
            if (k < 4)
                Assert.AreEqual(k == c && tap == 4 ? 1f : 0f, values[i]);
            else
                Assert.IsTrue(values[i] != 0 && Math.Abs(values[i]) <= 1f / 6);
        }
    }

    [TestMethod]
    public void DiracFilter_CopiesThePicture()
    {
        var spec = new NetworkSpec
        {
            Name = "identity", Height = 4, Width = 4, Channels = 3, Classes = 48, Layers = [new Conv2d(3, 3) { Initializer = Initializer.Dirac }, new Flatten()],
        };
        using var weights = NetworkWeights.Initialize(spec, 0);
        using var pool = new WorkerPool(1);
        using var network = new Network(weights, 1, false, pool);
        var picture = TestKit.LaneCases.Draw(1, 48);
        picture.CopyTo(network.Input(1));
        network.Forward(1);
        for (var i = 0; i < 48; i++)
            Assert.AreEqual(picture[i], network.Logits(1)[i], 1e-5f);
    }
}
