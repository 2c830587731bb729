using System.Text.Json;
using System.Text.Json.Nodes;
using MlNetCifar.Files;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Compatibility;

/// <summary>Formats can grow: at every depth, what is missing has its documented default, and what is unknown is refused by name.</summary>
[TestClass]
public sealed class GrowthTests
{
    const string Unknown = "from_the_future";
    const string Later = "99.1.0";

    [TestMethod]
    [DynamicData(nameof(OldFormat.Names), typeof(OldFormat))]
    public void Written_IsReadAndWrittenAgain(string name)
    {
        var format = OldFormat.Of(name);
        AssertSame(format.Written, format.Reread(format.Written), "", format);
    }

    [TestMethod]
    [DynamicData(nameof(OldFormat.Names), typeof(OldFormat))]
    public void MissingProperty_HasItsDefault(string name)
    {
        var format = OldFormat.Of(name);
        var places = JsonWalk.Properties(format.Written).Where(p => !IsForeign(format, p)).ToArray();
        Assert.IsGreaterThan(5, places.Length);
        foreach (var place in places)
        {
            var without = JsonWalk.Without(format.Written, place);
            var expected = format.Missing(place);
            if (expected == OldFormat.Required)
                AssertNamed(() => format.Reread(without), place);
            else if (expected == OldFormat.Unfit)
                Assert.ThrowsExactly<MlNetCifarException>(() => format.Reread(without), place);
            else
                AssertSame(Expected(format.Written, without, place, expected), format.Reread(without), place, format);
        }
    }

    [TestMethod]
    [DynamicData(nameof(OldFormat.Names), typeof(OldFormat))]
    public void UnknownProperty_IsRefusedByNameAndVersion(string name)
    {
        var format = OldFormat.Of(name);
        foreach (var place in JsonWalk.Objects(format.Written).Select(p => JsonWalk.Join(p, Unknown)))
        {
            var json = JsonWalk.With(format.Written, place, 1);
            AssertRefused(() => format.Reread(json), place, "an earlier version");
            AssertRefused(() => format.Reread(JsonWalk.With(json, FileOrigin.Property, Later)), place, $"version {Later}");
        }
    }

    [TestMethod]
    [DynamicData(nameof(OldFormat.Names), typeof(OldFormat))]
    public void WrongKind_IsNamed(string name)
    {
        var format = OldFormat.Of(name);
        foreach (var place in JsonWalk.Properties(format.Written).Where(p => !IsForeign(format, p)))
        {
            if (format.Missing(place) != OldFormat.Same)
                AssertNamed(() => format.Reread(JsonWalk.With(format.Written, place, new JsonArray(new JsonArray()))), place);
        }
    }

    [TestMethod]
    public void Writers_StateTheirVersion()
    {
        foreach (var format in new[] { OldFormat.Model, OldFormat.Manifest, OldFormat.Part })
            Assert.AreEqual(FileOrigin.Current, format.Reread(format.Written)[FileOrigin.Property]!.GetValue<string>(), format.Name);
        Assert.MatchesRegex(@"^\d+\.\d+\.\d+", FileOrigin.Current);
    }

    [TestMethod]
    public void Arguments_OfALaterVersionAreRefusedByNameAndVersion()
    {
        using var folder = new TestFolder();
        var path = Path.Combine(folder.Root, "args.json");
        var arguments = JsonNode.Parse(File.ReadAllText(OldFiles.At("run", "args.json")))!;
        arguments[Unknown] = 1;
        arguments["program-version"] = Later;
        File.WriteAllText(path, arguments.ToJsonString());
        var refused = Cli.Run("train", "--config", path).Bad(2, "MNC9003");
        StringAssert.Contains(refused.Error, $"'{Unknown}'");
        StringAssert.Contains(refused.Error, $"version {Later}");
    }

    static JsonNode Expected(JsonNode written, JsonNode without, string place, string expected) => expected switch
    {
        OldFormat.Same => written,
        OldFormat.Absent => without,
        _ => JsonWalk.With(written, place, JsonNode.Parse(expected)),
    };

    /// <summary>
    /// Compares, apart from what this program adds, and from the name of fixed filters, which version 0.1.0 called frozen; the version of scaled decoding is
    /// written with that alone.
    /// </summary>
    static void AssertSame(JsonNode expected, JsonNode actual, string place, OldFormat format)
    {
        var renamed = expected.ToJsonString().Replace("\"frozen\":", "\"fixed_filter\":", StringComparison.Ordinal);
        var known = JsonWalk.Properties(JsonNode.Parse(format.Written.ToJsonString().Replace("\"frozen\":", "\"fixed_filter\":", StringComparison.Ordinal))!)
            .Select(JsonWalk.Pattern).ToHashSet();
        var (left, right) = (Known(JsonNode.Parse(renamed)!).AsObject(), Known(actual.DeepClone()));
        left.Remove(FileOrigin.Property);
        if (place == "scaled_decoding")
            left.Remove("scaled_decoding_version");
        Assert.IsTrue(JsonNode.DeepEquals(left, right), $"{format.Name} without '{place}':\n{left.ToJsonString()}\n{right.ToJsonString()}");

        // The default of an object, too, has more properties than it had.
        JsonNode Known(JsonNode json)
        {
            while (JsonWalk.Properties(json).FirstOrDefault(p => !known.Contains(JsonWalk.Pattern(p)) && !IsForeign(format, p)) is { } added)
                json = JsonWalk.Without(json, added);
            return json;
        }
    }

    static void AssertNamed(Action read, string place)
    {
        try
        {
            read();
        }
        catch (Exception e) when (e is JsonException or MlNetCifarException)
        {
            StringAssert.Contains(e.Message, place[(place.LastIndexOf('.') + 1)..], place);
            return;
        }

        Assert.Fail($"'{place}' was not missed");
    }

    static void AssertRefused(Action read, string place, string writer)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(read, place);
        Assert.AreEqual("MNC1101", error.Code, error.Message);
        StringAssert.Contains(error.Message, $"'{place}'");
        StringAssert.Contains(error.Message, $"{writer} wrote");
        Assert.IsNotNull(error.Action);
    }

    static bool IsForeign(OldFormat format, string place) => format.Foreign.Any(name => place.StartsWith($"{name}.", StringComparison.Ordinal));
}
