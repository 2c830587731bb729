using System.Text.Json;
using FsCheck;
using FsCheck.Fluent;
using MlNetCifar.Experiments;
using MlNetCifar.Files;
using MlNetCifar.Nn;

namespace MlNetCifar.Tests.Training.Groups;

[TestClass]
public sealed class ParameterGroupTests
{
    static readonly TrainingOptions s_plain = new() { Optimizer = OptimizerKind.Sgd, Momentum = 0, Nesterov = false, LearningRate = 0.05f };

    [TestMethod]
    [DataRow("*", "conv1.weight", true)]
    [DataRow("conv1", "conv1.weight", true)]
    [DataRow("conv1.weight", "conv1.weight", true)]
    [DataRow("conv1.*", "conv1.weight", true)]
    [DataRow("*.weight", "layer1.conv2.weight", true)]
    [DataRow("layer1", "layer1.downsample.conv1.weight", true)]
    [DataRow("layer?.bn1", "layer2.bn1.running_mean", true)]
    [DataRow("fc1, layer1.bn1", "layer1.bn1.bias", true)]
    [DataRow("layer1", "layer10.conv1.weight", false)]
    [DataRow("conv", "conv1.weight", false)]
    [DataRow("Conv1", "conv1.weight", false)]
    [DataRow("conv1.bias", "conv1.weight", false)]
    public void Tensors_AreChosenByName(string pattern, string name, bool expected)
    {
        using var weights = new NetworkWeights(Network(12));
        Assert.AreEqual(expected, new ParameterGroup(pattern).Matches(weights.Find(name)!, 1));
    }

    [TestMethod]
    public void Groups_DivideTensorsByRoleAndPlace_TheFirstThatFitsCounts()
    {
        var options = s_plain with
        {
            Groups = [new("fc*") { RateFactor = 3 }, new() { Role = ParameterRole.Bias, RateFactor = 2 }, new() { FirstLayer = 3, LastLayer = 3, RateFactor = 0.5f }, new() { LastLayer = 4, Frozen = true }],
        };
        var groups = options.DescribeGroups(GroupNetwork.Spec);
        string Of(float rate) => string.Join(' ', groups.Where(g => g.LearningRate == rate * s_plain.LearningRate && !g.Frozen).SelectMany(g => g.Tensors).Order(StringComparer.Ordinal));
        Assert.AreEqual("fc1.weight fc2.bias fc2.weight", Of(3));
        Assert.AreEqual("bn1.bias conv1.bias conv2.bias layer1.bn1.bias layer1.downsample.bn1.bias", Of(2));
        Assert.AreEqual("conv2.weight", Of(0.5f));
        Assert.AreEqual("conv1.weight", string.Join(' ', groups.Single(g => g.Frozen).Tensors));
        Assert.AreEqual("bn1.weight layer1.bn1.weight layer1.conv1.weight layer1.downsample.conv1.weight", Of(1));
        Assert.AreEqual(new NetworkWeights(GroupNetwork.Spec).Tensors.Length, groups.Sum(g => g.Tensors.Count));
    }

    [TestMethod]
    public void RateFactor_MultipliesTheMovement()
    {
        using var one = new GroupNetwork(s_plain);
        using var scaled = new GroupNetwork(s_plain with { Groups = [new("conv*") { RateFactor = 0.1f }, new("layer1") { LearningRate = 0.5f }, new("fc1, bn1") { Optimizer = OptimizerKind.Adam }] });
        var before = one.Values();
        one.Step();
        scaled.Step();
        foreach (var tensor in one.Weights.Tensors.Where(t => t.Spec.IsTrained))
        {
            var factor = tensor.Name[..2] switch { "co" => 0.1, "la" => 10, _ => 1 };
            Span<float> a = tensor.Values, b = scaled.Weights.Find(tensor.Name)!.Values;
            for (var i = 0; i < a.Length; i++)
            {
                var start = before[tensor.Name][i];
                if (tensor.Node.WeightName is "fc1" or "bn1")
                    Assert.AreEqual(a[i] == start ? 0 : 0.05 * Math.Sign(a[i] - start), b[i] - start, 1e-3, $"Adam's first step of {tensor.Name}[{i}]");
                else
                    Assert.AreEqual(factor * (a[i] - start), b[i] - start, 2e-6 * (1 + Math.Abs(b[i])), $"{tensor.Name}[{i}]");
            }
        }
    }

    [TestMethod]
    public void Schedule_AndTrainedShare_AreAGroupsOwn()
    {
        var options = s_plain with { Schedule = ScheduleKind.Linear, Groups = [new("fc2") { Schedule = ScheduleKind.Constant, TrainedShare = 0.5f }] };
        using var run = new GroupNetwork(options);
        using var constant = new GroupNetwork(s_plain with { Schedule = ScheduleKind.Constant });
        run.Step(0.4);
        constant.Step(0.4);
        CollectionAssert.AreEqual(constant.Values()["fc2.weight"], run.Values()["fc2.weight"]);
        CollectionAssert.AreNotEqual(constant.Values()["fc1.weight"], run.Values()["fc1.weight"]);
        var before = run.Values();
        run.Step(0.5);
        CollectionAssert.AreEqual(before["fc2.weight"], run.Values()["fc2.weight"]);
        CollectionAssert.AreNotEqual(before["fc1.weight"], run.Values()["fc1.weight"]);
    }

    /// <summary>The special cases of the airbench recipe are groups like any other.</summary>
    [TestMethod]
    public void FlatOptions_OfMuon_AreGroups()
    {
        var muon = s_plain with { Optimizer = OptimizerKind.Muon, Momentum = 0.8f, Nesterov = true, WeightDecay = 0.01f, LearningRate = 0.1f, Schedule = ScheduleKind.Linear };
        using var flat = new GroupNetwork(muon with { HeadLearningRate = 0.4f, BiasLearningRate = 0.02f, FrozenBiasShare = 0.3f });
        using var groups = new GroupNetwork(muon with
        {
            Groups =
            [
                new("conv1.bias") { LearningRate = 0.02f, TrainedShare = 0.3f },
                new("fc*.weight") { LearningRate = 0.4f },
                new() { Role = ParameterRole.Bias, LearningRate = 0.02f }, new() { Role = ParameterRole.Gain, LearningRate = 0.02f },
            ],
        });
        foreach (var progress in new[] { 0, 0.2, 0.29, 0.5 })
            Assert.AreEqual(flat.Step(progress), groups.Step(progress));
        Assert.AreEqual(flat.Weights.Sha256(), groups.Weights.Sha256());
    }

    [TestMethod]
    public void WeightDecay_OfAGroupOfBiases_DecaysThem_AndOfAnyOtherDoesNot()
    {
        foreach (var (group, decays) in new[] { (new ParameterGroup { Role = ParameterRole.Bias, WeightDecay = 0.5f }, true), (new ParameterGroup { WeightDecay = 0.5f }, false) })
        {
            var options = s_plain with { Optimizer = OptimizerKind.Sgd, Momentum = 0, Nesterov = false, LearningRate = 0.1f };
            using GroupNetwork plain = new(options), decayed = new(options with { Groups = [group] });
            foreach (var network in new[] { plain, decayed })
                network.Weights.Find("fc2.bias")!.Values.Fill(1);
            plain.Step(0);
            decayed.Step(0);
            Span<float> a = plain.Weights.Find("fc2.bias")!.Values, b = decayed.Weights.Find("fc2.bias")!.Values;
            for (var i = 0; i < a.Length; i++)
                Assert.AreEqual(decays ? a[i] - (0.1 * 0.5) : a[i], b[i], 1e-6, $"{group}, {i}");
        }
    }

    [TestMethod]
    public void Partitions_WithEqualSettings_GiveTheBitsOfOneGroup()
    {
        using var weights = new NetworkWeights(GroupNetwork.Spec);
        var names = weights.Tensors.Select(t => t.Name).ToArray();
        var cases = from optimizer in Gen.Elements(Enum.GetValues<OptimizerKind>())
                    from seed in Gen.Choose(0, int.MaxValue - 1)
                    from count in Gen.Choose(1, 5)
                    select (optimizer, seed, count);
        Prop.ForAll(cases.ToArbitrary(), c =>
        {
            var random = new Random(c.seed);
            var parts = names.GroupBy(_ => random.Next(c.count)).Select(g => new ParameterGroup(string.Join(", ", g))).ToArray();
            var options = s_plain with { Optimizer = c.optimizer, Momentum = 0.9f, WeightDecay = 0.01f, GradientClipNorm = 0.5f, EmaDecay = 0.7f };
            Assert.AreEqual(Train(options), Train(options with { Groups = ParameterGroups.Create(parts) }), string.Join(" | ", parts.Select(p => p.Tensors)));
        }).QuickCheckThrowOnFailure();

        static string Train(TrainingOptions options)
        {
            using var run = new GroupNetwork(options);
            for (var step = 0; step < 3; step++)
                run.Step(0.1 * step);
            return run.Weights.Sha256() + run.Session.Average!.Sha256();
        }
    }

    [TestMethod]
    public void Groups_AreEqualWhereTheirGroupsAre()
    {
        ParameterGroups one = [new("a") { RateFactor = 2 }, ParameterGroup.Freeze("b")], other = [new("a") { RateFactor = 2 }, ParameterGroup.Freeze("b")];
        Assert.AreEqual(one, other);
        Assert.AreEqual(one.GetHashCode(), other.GetHashCode());
        Assert.AreEqual(s_plain with { Groups = one }, s_plain with { Groups = other });
        Assert.AreNotEqual(one, [.. other.Reverse()]);
        StringAssert.Contains((s_plain with { Groups = one }).ToJson(), "\"groups\":[{\"tensors\":\"a\"");
    }

    [TestMethod]
    [DataRow("none")]
    [DataRow("conv1")]
    [DataRow("conv*, layer1: frozen")]
    [DataRow("*: role=bias, rate-factor=0.1; layer?.bn1: frozen, thaw-after-epochs=2; fc1: optimizer=adamw, learning-rate=0.001, weight-decay=0, schedule=onecycle, trained-share=0.5")]
    [DataRow("*: first-layer=2, last-layer=5")]
    public void Parse_ReadsWhatIsWritten(string text)
    {
        var groups = ParameterGroups.Parse(text);
        Assert.AreEqual(text, groups.ToString());
        Assert.AreEqual(groups, ParameterGroups.Parse(groups.ToString()));
        Assert.AreEqual(groups, TrainingOptions.FromJson((s_plain with { Groups = groups }).ToJson(), new FileOrigin("args.json", null)).Groups);
    }

    [TestMethod]
    public void Parse_KnowsEverySetting()
    {
        var group = ParameterGroups.Parse("a, b : optimizer = Muon, schedule=one-cycle,frozen").Single();
        Assert.AreEqual(new ParameterGroup("a, b") { Optimizer = OptimizerKind.Muon, Schedule = ScheduleKind.OneCycle, Frozen = true }, group);
        var names = typeof(ParameterGroup).GetProperties().Where(p => p.CanWrite && p.Name != nameof(ParameterGroup.Tensors)).Select(p => OptionText.Kebab(p.Name));
        StringAssert.Contains(Assert.ThrowsExactly<FormatException>(() => ParameterGroups.Parse("a: x=1")).Message, string.Join(", ", names));
    }

    [TestMethod]
    [DataRow("")]
    [DataRow("a;")]
    [DataRow(": frozen")]
    [DataRow("a: frozen=true")]
    [DataRow("a: rate-factor=fast")]
    [DataRow("a: last-layer=1.5")]
    [DataRow("a: role=filter")]
    [DataRow("a: optimizer=7")]
    public void Parse_RefusesOtherText(string text) => Assert.ThrowsExactly<FormatException>(() => ParameterGroups.Parse(text));

    [TestMethod]
    public void FromJson_OfGroups_HasDefaultsAndRefusesUnknownSettings()
    {
        TrainingOptions Read(string groups) => TrainingOptions.FromJson($$"""{ "groups": {{groups}} }""", new FileOrigin("a.json", "9.9"));
        Assert.AreEqual(new ParameterGroup("conv1") { Frozen = true }, Read("""[{ "tensors": "conv1", "frozen": true }]""").Groups.Single());
        Assert.AreEqual(new ParameterGroup(), Read("[{}]").Groups.Single());
        Assert.AreEqual(ParameterGroups.None, TrainingOptions.FromJson("{}", new FileOrigin("a.json", null)).Groups);
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Read("""[{}, { "speed": 3 }]"""));
        Assert.AreEqual("MNC1101", error.Code);
        StringAssert.Contains(error.Message, "groups[1].speed");
        Assert.ThrowsExactly<JsonException>(() => Read("3"));
    }

    [TestMethod]
    public void FreezeUntil_TakesALayersNameOrPlace()
    {
        Assert.AreEqual(new ParameterGroup { LastLayer = 3, Frozen = true }, ParameterGroup.FreezeUntil(GroupNetwork.Spec, "conv2"));
        Assert.AreEqual(6, ParameterGroup.FreezeUntil(GroupNetwork.Spec, "layer1").LastLayer);
        Assert.AreEqual(6, ParameterGroup.FreezeUntil(GroupNetwork.Spec, "layer1.downsample").LastLayer);
        Assert.AreEqual(9, ParameterGroup.FreezeUntil(GroupNetwork.Spec, "9").LastLayer);
        foreach (var wrong in new[] { "layer", "0", "13", "fc9" })
            AssertError("MNC3021", wrong, () => ParameterGroup.FreezeUntil(GroupNetwork.Spec, wrong));
    }

    [TestMethod]
    public void Groups_ThatHoldNothing_AreNamed()
    {
        AssertError("MNC3020", "'layer9'", () => (s_plain with { Groups = [new("conv1"), new("layer9")] }).DescribeGroups(GroupNetwork.Spec));
        AssertError("MNC3020", "groups before it", () => (s_plain with { Groups = [new("conv*"), new("conv1")] }).DescribeGroups(GroupNetwork.Spec));
        AssertError("MNC3022", "frozen", () => (s_plain with { Groups = [ParameterGroup.Freeze("*")] }).DescribeGroups(GroupNetwork.Spec));
        AssertError("MNC3026", "bn1.running_var", () => (s_plain with { Groups = [ParameterGroup.Freeze("bn1.running_mean")] }).DescribeGroups(GroupNetwork.Spec));
        AssertError("MNC3020", "'layer9'", () => new Trainer(TinyData.Network(3), s_plain with { Groups = [new("layer9")] }).Fit(TinyData.Balanced(3, 4)));
    }

    [TestMethod]
    public void Groups_OutOfRange_AreNamed()
    {
        var groups = new (ParameterGroup Group, string Fault)[]
        {
            (new(" "), "Tensors is empty"), (new("a") { RateFactor = 0 }, "RateFactor is 0, expected above 0"), (new("a") { LearningRate = float.NaN }, "LearningRate is NaN"),
            (new("a") { WeightDecay = -1 }, "WeightDecay is -1"), (new("a") { TrainedShare = 1.5f }, "TrainedShare is 1.5, expected above 0, at most 1"), (new("a") { FirstLayer = 0 }, "FirstLayer is 0"),
            (new("a") { Frozen = true, ThawAfterEpochs = 0 }, "ThawAfterEpochs is 0"), (new("a") { ThawAfterEpochs = 1 }, "ThawAfterEpochs is 1 without Frozen"), (new("a") { Optimizer = (OptimizerKind)9 }, "Optimizer is 9"),
        };
        var error = Assert.ThrowsExactly<MlNetCifarException>((s_plain with { Groups = [.. groups.Select(g => g.Group)] }).Validate);
        Assert.AreEqual("MNC3001", error.Code);
        foreach (var (group, fault) in groups)
            StringAssert.Contains(error.Message, $"'{group}': {fault}");
        Assert.ThrowsExactly<ArgumentNullException>(() => new TrainingOptions { Groups = null! });
    }

    static NetworkSpec Network(int blocks) => GroupNetwork.Spec with
    {
        Layers = [new Conv2d(8, 3), .. Enumerable.Range(0, blocks).Select(_ => new Residual([new Conv2d(8, 3), new Conv2d(8, 3), new BatchNorm()], [new Conv2d(8, 1)])), new Flatten(), new Linear(3)],
    };

    static void AssertError(string code, string text, Action action)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(action);
        Assert.AreEqual(code, error.Code, error.Message);
        StringAssert.Contains(error.Message, text);
    }
}
