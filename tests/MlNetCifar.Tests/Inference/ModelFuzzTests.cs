using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using MlNetCifar.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Inference;

/// <summary>
/// Model files with a changed header or description: whatever they say, the file is read and can be used, or a named error in plain words tells what is wrong, with no
/// more memory than the file's size allows. The slow test runs for the seconds that MLNETCIFAR_FUZZ_SECONDS names, 60 without it.
/// </summary>
[TestClass]
public sealed class ModelFuzzTests
{
    /// <summary>What only .NET says.</summary>
    static readonly string[] s_foreign =
    [
        "System.", "JsonElement", "(Parameter", "LineNumber", "BytePositionInLine", "index was", "Index was", "Object reference", "The given key", "Nullable", "overflow",
        "The requested operation", "target type", "invalid start", "could not be converted", "Value cannot be null", "too large or too small",
        "Sequence contains", "Specified argument",
    ];

    static readonly string[] s_values =
    [
        "null", "true", "false", "0", "1", "-1", "2", "7", "0.5", "1e300", "-1e-300", "2000000000", "-2000000000", "4294967296", "9223372036854775807", "1e999",
        "\"\"", "\"x\"", "\"NaN\"", "\"F32\"", "\"F16\"",
        "\"I64\"", "\"Infinity\"", "\"\\ud800\"", "\"conv2d\"", "\"flatten\"", "\"residual\"", "[]", "[0]", "[[]]", "[null]", "{}", "{\"a\":1}", "[1,2,3]",
    ];

    [TestMethod]
    [DataRow(1)]
    [DataRow(2)]
    public void Load_OfMutations_OnlyThrowsNamedErrors(int seed) => Fuzz(Fuzzing.FastTime, seed);

    [TestMethod]
    [TestCategory("Slow")]
    public void Load_OfManyMutations_OnlyThrowsNamedErrors()
    {
        Fuzz(Fuzzing.SlowTime, Environment.TickCount);
    }

    /// <summary>An error tells its reason in words of its own.</summary>
    public static void AssertPlain(MlNetCifarException error)
    {
        StringAssert.Matches(error.Code, new("^MNC(4|2|11|12)"));
        foreach (var words in s_foreign)
            Assert.DoesNotContain(words, error.Message);
        Assert.IsLessThan(2_000, error.Message.Length);
    }

    static void Fuzz(TimeSpan time, int seed)
    {
        using var folder = new TestFolder();
        Fuzz(folder["model.safetensors"], time, seed);
    }

    static void Fuzz(string path, TimeSpan time, int seed)
    {
        using (var model = SmallModel.Create())
        using (var calibrated = model.Calibrate(SmallModel.Images(120)))
            calibrated.Save(path);
        var (header, data) = DamagedModelTests.Split(File.ReadAllBytes(path));
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        var (runs, read, codes) = (0, 0, new HashSet<string>());
        while (clock.Elapsed < time)
        {
            var file = Mutate(header, data, random);
            File.WriteAllBytes(path, file);
            runs++;
            if (TryUse(path, file, seed, codes))
                read++;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{runs} files, {read} could be read, errors {string.Join(", ", codes.Order())} (seed {seed})"));
        Assert.IsGreaterThan(0, read);
        Assert.IsGreaterThan(read, runs);
        Assert.IsGreaterThan(3, codes.Count);
    }

    static bool TryUse(string path, byte[] file, int seed, HashSet<string> codes)
    {
        try
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            using var model = Load(path, out var error);
            Assert.IsLessThan((4L << 20) + (64 * file.Length), GC.GetAllocatedBytesForCurrentThread() - before);
            if (error is not null)
            {
                AssertPlain(error);
                codes.Add(error.Code);
                return false;
            }

            model!.Classify(new RgbImage(6, 8));
            return true;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}: {Convert.ToBase64String(file)}", e);
        }
    }

    static ImageClassifier? Load(string path, out MlNetCifarException? error)
    {
        error = null;
        try
        {
            return ImageClassifier.Load(path);
        }
        catch (MlNetCifarException e)
        {
            error = e;
            return null;
        }
    }

    /// <summary>Changes the header, the description or the data; lengths and checksum stay right most of the time, so that what lies behind them is reached.</summary>
    static byte[] Mutate(JsonNode goodHeader, byte[] data, Random random)
    {
        var header = goodHeader.DeepClone();
        var metadata = header["__metadata__"]!.AsObject();
        var raw = new List<string>();

        // Once: what was put in raw need not be text that a node can write again.
        var described = false;
        for (var count = random.Next(1, 4); count > 0; count--)
        {
            switch (random.Next(8))
            {
                case < 5 when !described && raw.Count == 0 && metadata["mlnetcifar"] is JsonValue text && text.GetValueKind() == System.Text.Json.JsonValueKind.String && ((string)text!).StartsWith('{') && JsonNode.Parse((string)text!) is { } description:
                    described = true;
                    Change(description, random, raw);
                    metadata["mlnetcifar"] = Finished(description.ToJsonString(), raw);
                    break;
                case 5 or 6:
                    Change(header, random, raw);
                    break;
                default:
                    data = random.Next(3) switch { 0 => data[..random.Next(data.Length)], 1 => [.. data, .. new byte[random.Next(1, 20)]], _ => Flipped(data, random) };
                    break;
            }

            if (header["__metadata__"] is not JsonObject still)
                break;
            metadata = still;
            if (random.Next(4) != 0)
                metadata.Remove("data_sha256");
        }

        var file = DamagedModelTests.File(Finished(header.ToJsonString(), raw), data);
        if (random.Next(20) == 0)
            file[random.Next(8)] = (byte)random.Next(256);
        return file;
    }

    /// <summary>Replaces, removes, doubles or moves a value somewhere in a document; often a tensor's place is shifted with its end.</summary>
    static void Change(JsonNode root, Random random, List<string> raw)
    {
        var nodes = All(root).Where(n => n.Parent is not null).ToArray();
        if (nodes.Length == 0)
            return;
        var node = nodes[random.Next(nodes.Length)];
        JsonNode? value = random.Next(6) switch
        {
            0 => nodes[random.Next(nodes.Length)].DeepClone(),
            1 when node.GetValueKind() == System.Text.Json.JsonValueKind.Number && node.GetValue<double>() is var number && double.IsFinite(number) => number + random.Next(-2, 3),
            2 when node.GetPath().Contains("data_offsets", StringComparison.Ordinal) => random.Next(0, 2_000),
            _ => Raw(s_values[random.Next(s_values.Length)], raw),
        };
        switch (node.Parent)
        {
            case JsonObject parent when random.Next(5) == 0:
                parent.Remove(node.GetPropertyName());
                break;
            case JsonObject parent when random.Next(8) == 0:
                parent[$"{node.GetPropertyName()}2"] = value;
                break;
            case JsonObject parent:
                parent[node.GetPropertyName()] = value;
                break;
            case JsonArray parent when random.Next(4) == 0:
                parent.RemoveAt(node.GetElementIndex());
                break;
            case JsonArray parent when random.Next(4) == 0:
                parent.Insert(node.GetElementIndex(), value);
                break;
            case JsonArray parent:
                parent[node.GetElementIndex()] = value;
                break;
        }
    }

    static IEnumerable<JsonNode> All(JsonNode? node) => node switch
    {
        null => [],
        JsonObject o => o.SelectMany(p => All(p.Value)).Prepend(o),
        JsonArray a => a.SelectMany(All).Prepend(a),
        _ => [node],
    };

    /// <summary>Stands for a text that a node cannot hold; <see cref="Finished"/> puts it in.</summary>
    static JsonValue Raw(string text, List<string> raw)
    {
        raw.Add(text);
        return JsonValue.Create($"@raw{raw.Count - 1}@");
    }

    static string Finished(string json, List<string> raw)
    {
        for (var i = 0; i < raw.Count; i++)
            json = json.Replace($"\"@raw{i}@\"", raw[i], StringComparison.Ordinal);
        return json;
    }

    static byte[] Flipped(byte[] data, Random random)
    {
        data = [.. data];
        data[random.Next(data.Length)] ^= (byte)(1 << random.Next(8));
        return data;
    }
}
