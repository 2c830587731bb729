using System.Diagnostics;
using System.Globalization;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Imaging;

/// <summary>
/// Mutated files: whatever they hold, a decoder ends quickly with pixels or a named error and stays within the limits.
/// The slow test runs for the seconds that the variable MLNETCIFAR_FUZZ_SECONDS names, 60 without it, for every format.
/// </summary>
[TestClass]
public sealed class FuzzTests
{
    // Small, so that time goes into decoding and not into clearing the memory of pictures whose size is the mutation.
    const int MaxPixels = 1 << 16;
    static readonly DecodeOptions s_strict = new() { MaxPixels = MaxPixels };
    static readonly DecodeOptions s_tolerant = s_strict with { AllowTruncated = true };
    static readonly DecodeOptions[] s_options = [s_strict, s_tolerant, s_tolerant with { MinWidth = 3, MinHeight = 3 }];

    // Tables, buffers of a thread's first picture, and messages.
    const int Slack = 1 << 20;
    const long Allowance = 32L * MaxPixels + Slack;

    // A second for every megabyte begun; the corpus has no larger files.
    static readonly TimeSpan s_hang = TimeSpan.FromSeconds(1);

    [TestMethod]
    [DataRow("jpeg")]
    [DataRow("png")]
    [DataRow("bmp")]
    [DataRow("pnm")]
    [DataRow("gif")]
    public void Decode_OfMutations_OnlyThrowsNamedErrors(string format) => Fuzz(format, Fuzzing.FastTime, seed: 1);

    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("jpeg")]
    [DataRow("png")]
    [DataRow("bmp")]
    [DataRow("pnm")]
    [DataRow("gif")]
    public void Decode_OfManyMutations_OnlyThrowsNamedErrors(string format)
    {
        Fuzz(format, Fuzzing.SlowTime, Environment.TickCount);
    }

    static void Fuzz(string format, TimeSpan time, int seed)
    {
        var corpus = GoldenPictures.Pictures.Select(row => (string)row[0]).Where(name => name.StartsWith(format)).Select(GoldenPictures.Read).ToArray();
        var random = new Random(seed);
        var clock = Stopwatch.StartNew();
        var (runs, decoded) = (0, 0);
        while (clock.Elapsed < time)
        {
            var file = Mutate(corpus[random.Next(corpus.Length)], corpus[random.Next(corpus.Length)], format, random);
            foreach (var options in s_options)
            {
                var start = clock.Elapsed;
                var before = GC.GetAllocatedBytesForCurrentThread();
                runs++;
                if (TryDecode(file, options, seed)) decoded++;
                var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
                if (allocated >= Allowance) Assert.IsLessThan(Allowance + Filling(file), allocated, Describe(file, seed));
                if (clock.Elapsed - start > s_hang) Assert.IsLessThan(s_hang, Shortest(file, options, seed), Describe(file, seed));
            }
        }
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{format}: {runs} executions in {clock.Elapsed.TotalSeconds:F1} s, {decoded} gave a picture (seed {seed})"));
        Assert.IsGreaterThan(0, decoded);
        Assert.IsGreaterThan(decoded, runs, "Some mutations must be refused.");
    }

    /// <summary>
    /// Bytes that a JPEG needs because it is decoded in whole MCUs, of up to 32 rows, and in groups of four blocks: three bytes, a sample and its coefficient, in each of
    /// four components. They matter for slivers only: 55,809×1 pixels at 4:2:0, which this test once found, are decoded as 55,824×16.
    /// </summary>
    static long Filling(byte[] file)
    {
        var info = ImageDecoder.ReadInfo(file);
        return info.Format == ImageFormat.Jpeg && (long)info.Width * info.Height <= MaxPixels ? 12L * (47 * info.Height + 31 * info.Width) : 0;
    }

    /// <summary>Processor time of the shortest of three more runs, so that a busy machine is not taken for a hang.</summary>
    static TimeSpan Shortest(byte[] file, DecodeOptions options, int seed) => Enumerable.Range(0, 3).Min(_ =>
    {
        var start = Environment.CpuUsage.TotalTime;
        TryDecode(file, options, seed);
        return Environment.CpuUsage.TotalTime - start;
    });

    static bool TryDecode(byte[] file, DecodeOptions options, int seed)
    {
        try
        {
            ImageDecoder.ReadInfo(file);
            var image = ImageDecoder.Decode(file, options, "fuzz", out _);
            Assert.IsLessThanOrEqualTo(MaxPixels, image.Width * image.Height);
            return true;
        }
        catch (MlNetCifarException e)
        {
            StringAssert.StartsWith(e.Code, "MNC12");
            return false;
        }
        catch (Exception e) when (e is not UnitTestAssertException)
        {
            throw new InvalidOperationException(Describe(file, seed), e);
        }
    }

    /// <summary>Flips, overwrites, cuts, inserts and splices; half of the time near a structural byte (a marker, a chunk, the header).</summary>
    static byte[] Mutate(byte[] source, byte[] other, string format, Random random)
    {
        var file = source.ToList();
        for (var count = random.Next(1, 6); count > 0 && file.Count > 8; count--)
        {
            var at = random.Next(2) == 0 ? random.Next(2, file.Count) : Structural(file, format, random);
            switch (random.Next(8))
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
                    file.RemoveRange(at, Math.Min(file.Count - at, random.Next(1, 40)));
                    break;
                case 4:
                    file.InsertRange(at, file.Skip(random.Next(file.Count)).Take(random.Next(1, 60)).ToArray());
                    break;
                case 5:
                    file.InsertRange(at, other.Skip(random.Next(other.Length)).Take(random.Next(1, 300)).ToArray());
                    break;
                case 6 when random.Next(4) == 0:
                    file.RemoveRange(at, file.Count - at);
                    break;
                default:
                    file[at] = (byte)(file[at] + random.Next(-3, 4));
                    break;
            }
        }
        return format == "png" && random.Next(4) != 0 ? PngRepair.FixChecksums([.. file]) : [.. file];
    }

    static int Structural(List<byte> file, string format, Random random)
    {
        if (format != "jpeg") return Math.Min(file.Count - 1, 2 + random.Next(random.Next(2) == 0 ? 24 : 70));
        var start = file.IndexOf(0xFF, random.Next(file.Count));
        return Math.Clamp(start + random.Next(20), 2, file.Count - 1);
    }

    static string Describe(byte[] file, int seed) => $"seed {seed}: {Convert.ToBase64String(file)}";
}
