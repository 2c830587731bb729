using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using MlNetCifar.CustomLayers;
using MlNetCifar.Files;
using MlNetCifar.Nn;
using Dropout = MlNetCifar.Nn.Dropout;

namespace MlNetCifar.Tests.Nn;

/// <summary>Each layer's own JSON: what it writes, what it reads where properties are missing, and what it refuses.</summary>
[TestClass]
public sealed class LayerJsonTests
{
    // Every property away from its default.
    static readonly (LayerSpec Layer, string Json, LayerSpec? Least, string[] Required)[] s_layers =
    [
        (
            new Conv2d(4, 3)
            {
                KernelWidth = 1, Stride = 2, Padding = Padding.Valid, Bias = false, FixedFilter = true, Initializer = Initializer.Dirac, BiasInitializer = Initializer.Ones,
            },
            """{"kind":"conv2d","filters":4,"kernel":3,"kernel_width":1,"stride":2,"padding":"Valid","bias":false,"fixed_filter":true,"initializer":"Dirac","bias_initializer":"Ones"}""",
            new Conv2d(4, 3), ["filters", "kernel"]),
        (
            new Linear(3) { Bias = false, Initializer = Initializer.UnitUniform }, """{"kind":"linear","units":3,"bias":false,"initializer":"UnitUniform"}""",
            new Linear(3), ["units"]),
        (
            new BatchNorm { Epsilon = 1e-3f, Momentum = 0.5f, Scale = false }, """{"kind":"batch_norm","epsilon":0.001,"momentum":0.5,"scale":false}""", new BatchNorm(), []),
        (
            new Pool2d(PoolKind.Max, 3) { Stride = 2, Pad = 1 }, """{"kind":"max_pool","size":3,"stride":2,"pad":1}""", new Pool2d(PoolKind.Max, 3), ["size"]),
        (
            new Pool2d(PoolKind.Average, 3) { Stride = 2, Pad = 1 }, """{"kind":"average_pool","size":3,"stride":2,"pad":1}""",
            new Pool2d(PoolKind.Average, 3), ["size"]),
        (new GlobalPool(PoolKind.Max), """{"kind":"global_max_pool"}""", null, []),
        (new GlobalPool(PoolKind.Average), """{"kind":"global_average_pool"}""", null, []),
        (
            new Activation(ActivationKind.LeakyRelu) { Slope = 0.5f }, """{"kind":"activation","function":"LeakyRelu","slope":0.5}""",
            new Activation(ActivationKind.LeakyRelu), ["function"]),
        (new Scale(0.5f), """{"kind":"scale","factor":0.5}""", null, ["factor"]),
        (new Dropout(0.5f), """{"kind":"dropout","rate":0.5}""", null, ["rate"]),
        (new Flatten(), """{"kind":"flatten"}""", null, []),
        (
            new Residual([new Scale(2)], [new Residual(new Flatten())]),
            """{"kind":"residual","body":[{"kind":"scale","factor":2}],"shortcut":[{"kind":"residual","body":[{"kind":"flatten"}],"shortcut":[]}]}""",
            new Residual(), []),
        (
            new Ensemble([new([new Scale(2)], 0.5f), new([new Ensemble([new([new Flatten()])])])]),
            """{"kind":"ensemble","members":[{"weight":0.5,"layers":[{"kind":"scale","factor":2}]},{"weight":1,"layers":[{"kind":"ensemble","members":[{"weight":1,"layers":[{"kind":"flatten"}]}]}]}]}""",
            null, ["members"]),
        (new GroupNorm(2) { Epsilon = 0.5f }, """{"kind":"group_norm","groups":2,"epsilon":0.5}""", new GroupNorm(2), ["groups"]),
    ];

    public static IEnumerable<object[]> Indices => Enumerable.Range(0, s_layers.Length).Select(i => new object[] { i });

    [ClassInitialize]
    public static void Register(TestContext context) => GroupNorm.Register();

    [TestMethod]
    public void Cases_CoverEveryKind() => CollectionAssert.AreEquivalent(
        typeof(LayerSpec).Assembly.GetTypes().Where(type => type.IsSubclassOf(typeof(LayerSpec)) && !type.IsAbstract).ToArray(),
        s_layers.Select(c => c.Layer.GetType()).Where(type => type.Assembly == typeof(LayerSpec).Assembly).Distinct().ToArray());

    [TestMethod]
    [DynamicData(nameof(Indices))]
    public void Write_GivesTheText_ReadGivesTheLayer(int index)
    {
        var (layer, json, _, _) = s_layers[index];
        Assert.AreEqual(json, Write(layer));
        Assert.AreEqual(layer, Read(json));
    }

    [TestMethod]
    [DynamicData(nameof(Indices))]
    public void Read_MissingProperties_HaveTheirDefaults(int index)
    {
        var (layer, json, least, required) = s_layers[index];
        var node = JsonNode.Parse(json)!.AsObject();
        foreach (var name in node.Select(p => p.Key).Where(name => name != "kind" && !required.Contains(name)).ToArray())
            node.Remove(name);
        Assert.AreEqual(least ?? layer, Read(node.ToJsonString()));
        foreach (var name in required)
        {
            var without = node.DeepClone().AsObject();
            without.Remove(name);
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => Read(without.ToJsonString()));
            Assert.AreEqual("MNC2005", error.Code);
            StringAssert.StartsWith(error.Reason, $"The network description cannot be read: The property 'layers[0].{name}' is missing");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Indices))]
    public void Read_WrongKinds_AreNamed(int index)
    {
        var (_, json, _, _) = s_layers[index];
        foreach (var name in JsonNode.Parse(json)!.AsObject().Select(p => p.Key).ToArray())
        {
            var wrong = JsonNode.Parse(json)!;
            wrong[name] = new JsonObject();
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => Read(wrong.ToJsonString()));
            Assert.AreEqual("MNC2005", error.Code);
            StringAssert.Contains(error.Message, $"'layers[0].{name}'");
        }
    }

    [TestMethod]
    [DynamicData(nameof(Indices))]
    public void Read_UnknownProperties_AreRefusedByNameAndVersion(int index)
    {
        var json = JsonNode.Parse(s_layers[index].Json)!;
        json["dilation"] = 2;
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Read(json.ToJsonString()));
        Assert.AreEqual("MNC1101", error.Code);
        StringAssert.Contains(error.Message, "'layers[0].dilation'");
        StringAssert.Contains(error.Message, "version 99.1.0 wrote");
        Assert.AreEqual("model.safetensors", error.Path);
    }

    [TestMethod]
    public void Read_NamesThePlaceInsideResidualBlocks()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Read("""{"kind":"residual","body":[{"kind":"flatten"}],"shortcut":[{"kind":"linear"}]}"""));
        StringAssert.Contains(error.Message, "'layers[0].shortcut[0].units' is missing");
    }

    [TestMethod]
    public void Read_FilterCalledFrozen_IsAFixedFilter()
    {
        Assert.AreEqual(new Conv2d(4, 3) { FixedFilter = true }, Read("""{"kind":"conv2d","filters":4,"kernel":3,"frozen":true}"""));
        Assert.AreEqual(new Conv2d(4, 3), Read("""{"kind":"conv2d","filters":4,"kernel":3,"frozen":false}"""));
    }

    [TestMethod]
    public void Read_UnregisteredKind_SaysWhatToCall()
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Read("""{"kind":"maxout","pieces":2}"""));
        Assert.AreEqual("MNC2007", error.Code);
        Assert.AreEqual(ErrorKind.Data, error.Kind);
        StringAssert.StartsWith(error.Message, "model.safetensors: The network holds a layer of kind 'maxout', which is not registered; registered are activation, average_pool, batch_norm, ");
        StringAssert.EndsWith(error.Message, "Call LayerRegistry.Register(\"maxout\", …) with the function that reads it, before the file is read.");
    }

    [TestMethod]
    public void Read_ConstructorsThatRefuse_MakeABadDescription()
    {
        LayerRegistry.Register("refusing", _ => throw new ArgumentException("pieces must be even"));
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => Read("""{"kind":"refusing"}"""));
        Assert.AreEqual("MNC2005", error.Code);
        StringAssert.Contains(error.Message, "pieces must be even");
    }

    [TestMethod]
    public void Register_TwiceTheSame_DoesNothing_AnotherIsRefused()
    {
        GroupNorm.Register();
        StringAssert.StartsWith(Assert.ThrowsExactly<ArgumentException>(() => LayerRegistry.Register("conv2d", _ => new Flatten())).Message, "The layer kind 'conv2d' is registered already");
        Assert.ThrowsExactly<ArgumentNullException>(() => LayerRegistry.Register("maxout", null!));
        Assert.ThrowsExactly<ArgumentException>(() => LayerRegistry.Register("", _ => new Flatten()));
    }

    [TestMethod]
    public void DefaultArraysAndNullLayers_AreNamed()
    {
        var spec = new NetworkSpec { Name = "net", Height = 8, Width = 8, Channels = 3, Classes = 3, Layers = default };
        Assert.AreEqual("MNC2003", Assert.ThrowsExactly<MlNetCifarException>(spec.Validate).Code);
        Assert.AreEqual(spec, spec with { Layers = [] });
        var error = Assert.ThrowsExactly<MlNetCifarException>((spec with { Layers = [new Flatten(), null!] }).Validate);
        Assert.AreEqual("Layer 2: null; expected a layer.", error.Message);
        error = Assert.ThrowsExactly<MlNetCifarException>((spec with { Layers = [new Residual([new Scale(1), null!], default)] }).Validate);
        Assert.AreEqual("Layer 1.2: null; expected a layer.", error.Message);
        Assert.AreEqual(new Residual([new Scale(1)], []), new Residual([new Scale(1)], default));
        error = Assert.ThrowsExactly<MlNetCifarException>((spec with { Layers = [new Residual(Body: default, Shortcut: default)] }).Validate);
        Assert.AreEqual("Layer 1 (residual): an empty body; expected at least one layer.", error.Message);
    }

    static string Write(LayerSpec layer)
    {
        using var buffer = new MemoryStream();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            NetworkJson.WriteLayers(json, "layers", [layer]);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(buffer.ToArray())["{\"layers\":[".Length..^2];
    }

    /// <summary>Reads one layer of a network, without checking the network.</summary>
    static LayerSpec Read(string layer)
    {
        using var json = JsonDocument.Parse($$"""{"layers":[{{layer}}]}""");
        try
        {
            return JsonFields.Read(json.RootElement, new FileOrigin("model.safetensors", "99.1.0"), fields => fields.Objects("layers", LayerRegistry.Read)[0]);
        }
        catch (Exception e) when (e is JsonException or ArgumentException)
        {
            throw NetworkErrors.Description(e.Message.TrimEnd('.'), null);
        }
    }
}
