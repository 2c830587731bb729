using System.Diagnostics;
using System.Globalization;
using MlNetCifar.Onnx;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>
/// Changed ONNX files: read, or refused by a named error in plain words, with no more memory than the file's size allows. The slow test runs for the seconds that
/// MLNETCIFAR_FUZZ_SECONDS names, 60 without it.
/// </summary>
[TestClass]
public sealed class OnnxFuzzTests
{
    static readonly OnnxImportOptions s_scaled = new() { Normalization = Normalization.None(3) };

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

    static void Fuzz(TimeSpan time, int seed)
    {
        byte[][] corpus = [Small(), WithConstants(), Exported(OnnxWeights.Float32), Exported(OnnxWeights.Int8)];
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        var (runs, read, codes) = (0, 0, new HashSet<string>());
        for (; clock.Elapsed < time; runs++)
        {
            var which = random.Next(corpus.Length);
            var file = Mutate(corpus[which], random);
            if (TryRead(file, which < 2 ? s_scaled : new(), seed, codes))
                read++;
        }

        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{runs} files, {read} could be read, errors {string.Join(", ", codes.Order())} (seed {seed})"));
        Assert.IsGreaterThan(0, read);
        Assert.IsGreaterThan(read, runs);
        Assert.IsGreaterThan(2, codes.Count);
    }

    static bool TryRead(byte[] file, OnnxImportOptions options, int seed, HashSet<string> codes)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        try
        {
            using var model = OnnxImport.Read(file, "fuzz.onnx", options);
            return true;
        }
        catch (MlNetCifarException e)
        {
            codes.Add(e.Code);
            ModelFuzzTests.AssertPlain(e);
            return false;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"seed {seed}: {Convert.ToBase64String(file)}", e);
        }
        finally
        {
            Assert.IsLessThan((4L << 20) + (64 * file.Length), GC.GetAllocatedBytesForCurrentThread() - before);
        }
    }

    static byte[] Mutate(byte[] source, Random random)
    {
        var file = source.ToList();
        for (var count = random.Next(1, 5); count > 0 && file.Count > 8; count--)
        {
            var at = random.Next(file.Count);
            switch (random.Next(7))
            {
                case 0:
                    file[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 1:
                    file[at] = (byte)random.Next(256);
                    break;
                case 2:
                    file[at] = random.Next(3) switch { 0 => 0, 1 => 255, _ => 127 };
                    break;
                case 3:
                    file.RemoveRange(at, Math.Min(file.Count - at, random.Next(1, 20)));
                    break;
                case 4:
                    file.InsertRange(at, source.Skip(random.Next(source.Length)).Take(random.Next(1, 40)).ToArray());
                    break;
                case 5 when random.Next(4) == 0:
                    file.RemoveRange(at, file.Count - at);
                    break;
                default:
                    file[at] = (byte)(file[at] + random.Next(-3, 4));
                    break;
            }
        }

        return [.. file];
    }

    static byte[] Small()
    {
        var g = new TestGraph();
        g.Then("Conv", [g.Random(4, 3, 3, 3), g.Random(4)], OnnxAttribute.Of("pads", 1, 1, 1, 1));
        g.Then("BatchNormalization", [g.Positive(4), g.Random(4), g.Random(4), g.Positive(4)]).Then("Relu");
        var start = g.Last;
        g.Then("Conv", [g.Random(4, 4, 1, 1)]).Add("Add", [g.Last, start]);
        g.Then("MaxPool", OnnxAttribute.Of("kernel_shape", 2, 2), OnnxAttribute.Of("strides", 2, 2));
        return g.Then("Flatten").Then("Gemm", [g.Random(3, 80), g.Random(3)], OnnxAttribute.Of("transB", 1)).Then("Softmax").ToBytes();
    }

    static byte[] Exported(OnnxWeights weights)
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        model.ExportOnnx(folder["model.onnx"], new() { Weights = weights });
        return File.ReadAllBytes(folder["model.onnx"]);
    }

    static byte[] WithConstants()
    {
        var g = new TestGraph();
        var quantized = g.Constant(new OnnxTensor("q", ElementType.Int8, [4, 3, 1, 1]) { Raw = new byte[] { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 } });
        var filter = g.Add("DequantizeLinear", [quantized, g.Positive(4)], OnnxAttribute.Of("axis", 0)).Last;
        g.Last = "x";
        g.Then("Conv", [filter]).Then("GlobalAveragePool").Then("Reshape", [g.Ints(1, -1)]);
        var pooled = g.Last;
        var matrix = g.Add("Transpose", [g.Random(5, 4)], OnnxAttribute.Of("perm", 1, 0)).Last;
        var bias = g.Add("Unsqueeze", [g.Random(5), g.Ints(0)]).Last;
        g.Last = pooled;
        return g.Then("MatMul", [matrix]).Then("Add", [bias]).ToBytes();
    }
}
