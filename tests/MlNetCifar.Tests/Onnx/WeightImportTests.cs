using System.Buffers.Binary;
using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text;
using MlNetCifar.Inference;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Weights as PyTorch saves them: read into a preset to the bit, or refused by name.</summary>
[TestClass]
public sealed class WeightImportTests
{
    static readonly WeightImportOptions s_resnet = new() { Preset = "resnet18", Size = (32, 32) };
    static readonly WeightImportOptions s_small = new() { Preset = "seed-cnn", Size = (8, 8) };

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("resnet18", 32)]
    [DataRow("resnet34", 32)]
    [DataRow("resnet18", 224)]
    public void TorchvisionsNames_GiveTheModel(string preset, int side)
    {
        using var model = OnnxExportTests.Random(Architectures.Create(preset, side, side, 3, 7), 5);
        var tensors = Tensors(model);
        Assert.IsTrue(tensors.Any(t => t.Name == "layer2.0.downsample.1.running_var") && tensors.Any(t => t.Name == "layer1.0.bn1.running_mean") && tensors.Any(t => t.Name == "fc.bias"));
        var counters = tensors.Where(t => t.Name.EndsWith("running_mean", StringComparison.Ordinal)).Select(t => Counter(t.Name)).ToArray();
        var file = Write([.. tensors, .. counters]);
        var size = side == 32 ? ((int, int)?)(32, 32) : null;
        using var imported = WeightImport.Read(file, "x.safetensors", new() { Preset = preset, Size = size, Normalization = model.Normalization });
        Assert.AreEqual(model.WeightsSha256, imported.Weights.Sha256());
        StringAssert.StartsWith(imported.Notes[0], $"{counters.Length} counters of batches");
        Assert.AreEqual(side == 224 ? 256 : 0, imported.Preprocess.ShorterSide);
        if (side == 224)
            return;
        using var classifier = imported.ToClassifier();
        var pictures = OnnxExportTests.Pictures(model, 3);
        CollectionAssert.AreEqual(model.Logits(pictures), classifier.Logits(pictures));
        CollectionAssert.AreEqual(new[] { "0", "1", "2", "3", "4", "5", "6" }, classifier.Classes.ToArray());
    }

    [TestMethod]
    [DataRow("F16")]
    [DataRow("BF16")]
    public void ShorterFloats_AreRead(string type)
    {
        using var model = OnnxExportTests.Random(Architectures.Create("seed-cnn", 8, 8, 3, 4), 5);
        (string, string, int[], byte[])[] tensors = [.. Tensors(model).Select(t => ("module." + t.Name, type, t.Shape, Shorter(type, MemoryMarshal.Cast<byte, float>(t.Bytes))))];
        using var imported = WeightImport.Read(Write(tensors), "x.safetensors", s_small);
        StringAssert.Contains(imported.Notes[0], "'module.'");
        foreach (var tensor in model.Weights.Tensors)
        {
            var found = imported.Weights.Find(tensor.Name)!.Values;
            for (var i = 0; i < found.Length; i++)
                Assert.AreEqual(tensor.Values[i], found[i], (Math.Abs(tensor.Values[i]) / 100) + 1e-6);
        }
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void WhatDoesNotFit_IsNamed()
    {
        using var model = OnnxExportTests.Random(Architectures.Create("resnet18", 32, 32, 3, 3), 5);
        var good = Tensors(model);
        Refused("MNC2006", "no tensor 'layer3.0.bn2.weight'", [.. good.Where(t => t.Name != "layer3.0.bn2.weight")]);
        Refused("MNC2006", "a tensor 'layer5.0.conv1.weight'", [.. good, ("layer5.0.conv1.weight", "F32", [1], new byte[4])]);
        Refused("MNC2006", "'bn1.bias' of shape [32, 2]", [.. good.Select(t => t.Name == "bn1.bias" ? t with { Shape = [32, 2] } : t)]);
        Refused("MNC2006", "'bn1.bias' of type I32", [.. good.Select(t => t.Name == "bn1.bias" ? t with { Type = "I32" } : t)]);
        Refused("MNC2006", "'step' of type I64", [.. good, ("step", "I64", [], new byte[8])]);
        Refused("MNC2006", "no tensor 'fc.weight'", [.. good.Where(t => t.Name != "fc.weight")]);
        Assert.AreEqual("MNC4116", Assert.ThrowsExactly<MlNetCifarException>(() => WeightImport.Read("PK\u0003\u0004archive"u8.ToArray(), "x.pth", s_resnet)).Code);
        Assert.AreEqual("MNC4116", Assert.ThrowsExactly<MlNetCifarException>(() => WeightImport.Read(new byte[] { 0x80, 2, 125, 113, 0, 0, 0, 0, 0, 0 }, "x.pth", s_resnet)).Code);
        Assert.AreEqual("MNC4112", Assert.ThrowsExactly<MlNetCifarException>(() => WeightImport.Read(Write(good), "x", s_resnet with { Classes = ["a"] })).Code);
        Assert.AreEqual("MNC2004", Assert.ThrowsExactly<MlNetCifarException>(() => WeightImport.Read(Write(good), "x", s_resnet with { Preset = "vgg" })).Code);
        using var folder = new TestFolder();
        model.Save(folder["whole.safetensors"]);
        Assert.AreEqual("MNC4117", Assert.ThrowsExactly<MlNetCifarException>(() => WeightImport.Load(folder["whole.safetensors"], s_resnet)).Code);
        Assert.AreEqual("MNC4001", Assert.ThrowsExactly<MlNetCifarException>(() => WeightImport.Load(folder["none.safetensors"], s_resnet)).Code);

        static void Refused(string code, string says, (string, string, int[], byte[])[] tensors)
        {
            var error = Assert.ThrowsExactly<MlNetCifarException>(() => WeightImport.Read(Write(tensors), "x.safetensors", s_resnet));
            Assert.AreEqual(code, error.Code, error.Message);
            StringAssert.Contains(error.Message, says);
        }
    }

    [TestMethod]
    public void Load_OfMutations_OnlyThrowsNamedErrors() => Fuzz(Fuzzing.FastTime, 1);

    [TestMethod]
    [TestCategory("Slow")]
    public void Load_OfManyMutations_OnlyThrowsNamedErrors_FuzzTests() => Fuzz(Fuzzing.SlowTime, Environment.TickCount);

    static void Fuzz(TimeSpan time, int seed)
    {
        using var model = OnnxExportTests.Random(Architectures.Create("seed-cnn", 8, 8, 3, 4), 5);
        var source = Write([.. Tensors(model), Counter("bn1.running_mean")]);
        var header = 8 + (int)BinaryPrimitives.ReadInt64LittleEndian(source);
        var (random, clock, codes, read) = (new Random(seed), Stopwatch.StartNew(), new HashSet<string>(), 0);
        while (clock.Elapsed < time)
        {
            var file = source.ToArray();
            for (var changes = random.Next(1, 4); changes > 0; changes--)
                file[random.Next(random.Next(10) == 0 ? 8 : header)] = random.Next(3) == 0 ? (byte)random.Next(256) : (byte)"0123456789,:[]{}\"FI"[random.Next(19)];
            if (random.Next(8) == 0)
                file = file[..random.Next(file.Length)];
            var before = GC.GetAllocatedBytesForCurrentThread();
            try
            {
                using var imported = WeightImport.Read(file, "fuzz.safetensors", s_small);
                read++;
            }
            catch (MlNetCifarException e)
            {
                codes.Add(e.Code);
                ModelFuzzTests.AssertPlain(e);
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"seed {seed}: {Encoding.Latin1.GetString(file.AsSpan(0, Math.Min(header, file.Length)))}", e);
            }

            Assert.IsLessThan((4L << 20) + (8 * file.Length), GC.GetAllocatedBytesForCurrentThread() - before);
        }

        Console.WriteLine($"{read} could be read, errors {string.Join(", ", codes.Order())} (seed {seed})");
        Assert.IsGreaterThan(2, codes.Count);
    }

    /// <summary>A file of a model's weights alone.</summary>
    internal static byte[] Weights(ImageClassifier model) => Write(Tensors(model));

    static (string Name, string Type, int[] Shape, byte[] Bytes)[] Tensors(ImageClassifier model) =>
        [.. model.Weights.Tensors.Select(t => WeightLayout.ToFile(t, half: false)).Select(t => (t.Name, "F32", t.Dimensions, MemoryMarshal.AsBytes(t.Values.AsSpan()).ToArray()))];

    static (string, string, int[], byte[]) Counter(string mean) => (mean.Replace("running_mean", "num_batches_tracked", StringComparison.Ordinal), "I64", [], new byte[8]);

    static byte[] Shorter(string type, ReadOnlySpan<float> values)
    {
        var words = new ushort[values.Length];
        for (var i = 0; i < words.Length; i++)
            words[i] = type == "F16" ? BitConverter.HalfToUInt16Bits((Half)values[i]) : (ushort)(BitConverter.SingleToUInt32Bits(values[i]) >> 16);
        return MemoryMarshal.AsBytes(words.AsSpan()).ToArray();
    }

    /// <summary>A file as the format's own writer makes it.</summary>
    static byte[] Write((string Name, string Type, int[] Shape, byte[] Bytes)[] tensors)
    {
        var (header, at) = (new StringBuilder("{\"__metadata__\":{\"format\":\"pt\"}"), 0);
        foreach (var (name, type, shape, bytes) in tensors)
            header.Append(System.Globalization.CultureInfo.InvariantCulture, $",\"{name}\":{{\"dtype\":\"{type}\",\"shape\":[{string.Join(',', shape)}],\"data_offsets\":[{at},{at += bytes.Length}]}}");
        header.Append('}').Append(' ', (8 - (header.Length % 8)) % 8);
        var length = new byte[8];
        BinaryPrimitives.WriteInt64LittleEndian(length, header.Length);
        return [.. length, .. Encoding.UTF8.GetBytes(header.ToString()), .. tensors.SelectMany(t => t.Bytes)];
    }
}
