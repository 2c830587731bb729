using System.Buffers.Binary;
using System.Text;
using System.Text.Json.Nodes;
using MlNetCifar.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Inference;

/// <summary>Model files whose header or description says what cannot be.</summary>
[TestClass]
public sealed class DamagedModelTests
{
    readonly TestFolder _folder = new();

    string ModelPath => _folder["model.safetensors"];

    [TestCleanup]
    public void End() => _folder.Dispose();

    [TestMethod]
    public void WhatAFileHolds_IsQuotedToALimit()
    {
        var (first, last) = (new string('a', 1_000), new string('c', 500));
        var error = new MlNetCifarException("MNC4002", ErrorKind.Data, first + new string('b', 5_000) + last, "Do this.", "file");
        Assert.AreEqual($"file: {first} … (5,000 characters) … {last} Do this.", error.Message);
        Assert.AreEqual($"{first}{last}", new MlNetCifarException("MNC4002", ErrorKind.Data, first + last).Message);
    }

    [TestMethod]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8,8]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,"8"]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8.5]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[-8,0]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[8,0]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2000000000],"data_offsets":[0,8000000000]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2000000000,2000000000,2000000000,2000000000],"data_offsets":[0,8]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[4294967298],"data_offsets":[0,8]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[9223372036854775807,2],"data_offsets":[0,8]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,9223372036854775807]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[-2],"data_offsets":[0,8]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":2,"data_offsets":[0,8]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":null,"data_offsets":[0,8]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":7,"shape":[2],"data_offsets":[0,8]}}""", 8, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F31","shape":[2],"data_offsets":[0,8]}}""", 8, "MNC4002")]
    [DataRow("""{"a":{"shape":[2],"data_offsets":[0,8]}}""", 8, "MNC4005")]
    [DataRow("""{"a":[]}""", 0, "MNC4005")]
    [DataRow("""{"a":null}""", 0, "MNC4005")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "MNC4005", "gap")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[1],"data_offsets":[12,16]}}""", 16, "MNC4005", "gap")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[4,12]}}""", 12, "MNC4005", "within")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"b":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "MNC4005", "within")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 9, "MNC4005", "belong to nothing")]
    [DataRow("""{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 7, "MNC4005", "cut off")]
    [DataRow("""{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}}""", 8, "MNC4005", "twice")]
    [DataRow("""{"\ud800":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}""", 8, "MNC4005", "Unicode")]
    [DataRow("""{"__metadata__":null}""", 0, "MNC4005")]
    [DataRow("""{"__metadata__":{"a":1}}""", 0, "MNC4005")]
    [DataRow("""{"__metadata__":["a"]}""", 0, "MNC4005")]
    [DataRow("""["a"]""", 0, "MNC4002")]
    [DataRow("null", 0, "MNC4002")]
    [DataRow("""{"a":""", 0, "MNC4002")]
    public void Header_ThatCannotBe_IsNamed(string header, int dataLength, string code, string? told = null)
    {
        var error = Refused(File(header, new byte[dataLength]));
        Assert.AreEqual(code, error.Code, error.Message);
        StringAssert.Contains(error.Message, told ?? "");
    }

    [TestMethod]
    [DataRow(0UL)]
    [DataRow(1UL)]
    [DataRow(2_000_000_000UL)]
    [DataRow(ulong.MaxValue)]
    [DataRow(1UL << 63)]
    public void HeaderLength_ThatCannotBe_IsNamed(ulong length)
    {
        var file = File("{}", []);
        BinaryPrimitives.WriteUInt64LittleEndian(file, length);
        Assert.AreEqual("MNC4002", Refused(file).Code);
    }

    [TestMethod]
    public void OtherTypes_ArePassedOverAndCounted()
    {
        const string header = """
            {"n":{"dtype":"I64","shape":[],"data_offsets":[0,8]},"w":{"dtype":"F32","shape":[2],"data_offsets":[8,16]},
             "b":{"dtype":"BF16","shape":[1],"data_offsets":[16,18]},"e":{"dtype":"U8","shape":[0,5],"data_offsets":[18,18]}}
            """;
        var read = SafeTensors.Read(File(header, new byte[18]), "file");
        CollectionAssert.AreEqual(new[] { "w", "b" }, read.Tensors.Select(t => t.Name).ToArray());
        CollectionAssert.AreEqual(new[] { ("n", "I64"), ("e", "U8") }, read.Skipped.ToArray());
    }

    [TestMethod]
    public void BrainFloats_AreTheUpperHalvesOfFloats()
    {
        const string header = """{"b":{"dtype":"BF16","shape":[4],"data_offsets":[0,8]}}""";
        var tensor = SafeTensors.Read(File(header, [0x80, 0x3F, 0x49, 0x40, 0x00, 0xC2, 0x7F, 0x7F]), "file").Tensors.Single();
        CollectionAssert.AreEqual(new[] { 1f, 3.140625f, -32f, 3.3895314e38f }, tensor.Values);
        Assert.IsFalse(tensor.Half);
    }

    [TestMethod]
    public void Counters_OfBatches_DoNotMakeAModelUnreadable()
    {
        var (header, data) = Saved();
        header["bn1.num_batches_tracked"] = new JsonObject { ["dtype"] = "I64", ["shape"] = new JsonArray(), ["data_offsets"] = new JsonArray(data.Length, data.Length + 8) };
        header["__metadata__"]!.AsObject().Remove("data_sha256");
        System.IO.File.WriteAllBytes(ModelPath, File(header.ToJsonString(), [.. data, .. new byte[8]]));
        ImageClassifier.Load(ModelPath).Dispose();
        header["conv1.weight"]!["dtype"] = "I32";
        System.IO.File.WriteAllBytes(ModelPath, File(header.ToJsonString(), [.. data, .. new byte[8]]));
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => ImageClassifier.Load(ModelPath));
        Assert.AreEqual("MNC2006", error.Code);
        StringAssert.Contains(error.Message, "I32");
    }

    [TestMethod]
    [DataRow("normalization", "null", "MNC4005")]
    [DataRow("normalization", """{"mean":null,"std":[1,1,1]}""", "MNC4005")]
    [DataRow("normalization", """{"mean":[0,0],"std":[1,1,1]}""", "MNC4005")]
    [DataRow("normalization", """{"mean":[0,0,0],"std":[1,0,1]}""", "MNC4005")]
    [DataRow("normalization", """{"mean":[0],"std":[1]}""", "MNC4005")]
    [DataRow("classes", "null", "MNC4005")]
    [DataRow("classes", """["a",null,"b"]""", "MNC4005")]
    [DataRow("classes", """["a","","b"]""", "MNC4005", "empty")]
    [DataRow("classes", """["a"," ","b"]""", "MNC4005", "empty")]
    [DataRow("classes", """["a","b","a"]""", "MNC4005", "'a' twice")]
    [DataRow("classes", """["a","b"]""", "MNC4005")]
    [DataRow("classes", """{"a":1}""", "MNC4005")]
    [DataRow("history", "7", "MNC4005")]
    [DataRow("history", "[null]", "MNC4005")]
    [DataRow("best_epoch", "-1", "MNC4005")]
    [DataRow("best_epoch", "3000000000", "MNC4005")]
    [DataRow("training", "{}", "MNC4005")]
    [DataRow("format_version", "2", "MNC4004")]
    [DataRow("format_version", "\"1\"", "MNC4005")]
    [DataRow("network", "null", "MNC4005")]
    [DataRow("network.height", "2000000000", "MNC2001")]
    [DataRow("network.classes", "2000000000", "MNC2003")]
    [DataRow("network.channels", "2000000000", "MNC2001")]
    [DataRow("network.layers[0].filters", "2000000000", "MNC2001")]
    [DataRow("network.layers[0].kernel", "2000000000", null)]
    [DataRow("network.layers[0].filters", "9000000", "MNC2006")]
    [DataRow("network.layers[0].stride", "2000000000", null)]
    [DataRow("network.layers[4].size", "2000000000", "MNC2001")]
    [DataRow("network.layers[10].units", "2000000000", "MNC2001")]
    [DataRow("network.layers[7].body[0].filters", "2000000000", "MNC2001")]
    [DataRow("network.layers[0].kind", "\"\\ud800\"", "MNC2005")]
    [DataRow("preprocess.width", "2000000000", null)]
    [DataRow("calibration.temperature", "0", "MNC4005")]
    [DataRow("calibration.views", "0", "MNC4005")]
    [DataRow("calibration.features", """{"dimension":1,"means":"AAAAAA","whitening":"AACAPw","threshold":1}""", "MNC4005")]
    [DataRow("calibration.features.means", "\"*\"", "MNC4005")]
    [DataRow("calibration.features.dimension", "2000000000", "MNC4005")]
    [DataRow("calibration.texture", """{"dimension":1,"means":"AAAAAA","whitening":"AACAPw","threshold":1}""", "MNC4005")]
    public void Description_ThatCannotBe_IsNamed(string place, string value, string? code, string? told = null)
    {
        var (header, data) = Saved();
        var description = JsonNode.Parse((string)header["__metadata__"]!["mlnetcifar"]!)!;
        var changed = Compatibility.JsonWalk.With(description, place, Json.Raw);
        header["__metadata__"]!["mlnetcifar"] = changed.ToJsonString().Replace(Json.RawText, value, StringComparison.Ordinal);
        var error = Refused(File(header.ToJsonString(), data));
        if (code is not null)
            Assert.AreEqual(code, error.Code, error.Message);
        StringAssert.Contains(error.Message, told ?? "");
    }

    [TestMethod]
    public void Description_ThatIsNoJson_IsNamed()
    {
        var (header, data) = Saved();
        foreach (var text in new[] { "", "{", "[]", "null", "{\"a\":1}}" })
        {
            header["__metadata__"]!["mlnetcifar"] = text;
            Assert.AreEqual("MNC4005", Refused(File(header.ToJsonString(), data)).Code);
        }
    }

    /// <summary>A file of the format.</summary>
    internal static byte[] File(string header, byte[] data)
    {
        var text = Encoding.UTF8.GetBytes(header);
        var file = new byte[8 + text.Length + data.Length];
        BinaryPrimitives.WriteInt64LittleEndian(file, text.Length);
        text.CopyTo(file, 8);
        data.CopyTo(file, 8 + text.Length);
        return file;
    }

    /// <summary>Header and data of a good model, calibrated.</summary>
    internal static (JsonNode Header, byte[] Data) Split(byte[] file)
    {
        var length = (int)BinaryPrimitives.ReadInt64LittleEndian(file);
        return (JsonNode.Parse(file.AsSpan(8, length))!, file[(8 + length)..]);
    }

    (JsonNode Header, byte[] Data) Saved()
    {
        using var model = SmallModel.Create();
        using var calibrated = model.Calibrate(SmallModel.Images(120));
        calibrated.Save(ModelPath);
        return Split(System.IO.File.ReadAllBytes(ModelPath));
    }

    MlNetCifarException Refused(byte[] file)
    {
        System.IO.File.WriteAllBytes(ModelPath, file);
        var before = GC.GetAllocatedBytesForCurrentThread();
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => ImageClassifier.Load(ModelPath));
        Assert.IsLessThan(4L << 20, GC.GetAllocatedBytesForCurrentThread() - before);
        ModelFuzzTests.AssertPlain(error);
        return error;
    }

    /// <summary>Values that a <see cref="JsonNode"/> cannot hold are put in as text.</summary>
    static class Json
    {
        public const string RawText = "\"raw value\"";

        public static JsonNode Raw => JsonValue.Create("raw value");
    }
}
