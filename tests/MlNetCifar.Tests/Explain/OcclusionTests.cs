using MlNetCifar.Explain;
using MlNetCifar.Files;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.Inference;

namespace MlNetCifar.Tests.Explain;

/// <summary>Occlusion, the scores of maps, their files, and the command.</summary>
[TestClass]
public sealed class OcclusionTests
{
    [TestMethod]
    public void Occlusion_OfSinglePixels_IsTheLossOfProbability()
    {
        using var model = SmallModel.Create();
        var pixels = Pixels();
        var map = Occlusion.Explain(model, pixels, 1, patch: 1);
        var before = model.Score(SmallModel.Images(1))[1];
        Assert.AreEqual(before, map.Probability, 1e-6);
        var losses = new float[48];
        for (var at = 0; at < 48; at++)
        {
            var hidden = pixels.ToArray();
            ((byte[])[102, 128, 153]).CopyTo(hidden, 3 * at);
            losses[at] = Math.Max(0, before - model.Score(new MlNetCifar.ImageSet(hidden, [0], 6, 8, 3, model.Classes))[1]);
        }

        for (var at = 0; at < 48; at++)
            Assert.AreEqual(losses[at] / losses.Max(), map.Values[at], 1e-3);
    }

    [TestMethod]
    public void Judge_PrefersAMapToItsOpposite()
    {
        using var model = SmallModel.Create();
        var map = Occlusion.Explain(model, Pixels(), patch: 1);
        var opposite = map with { Values = [.. map.Values.Select(v => 1 - v)] };
        var (deletion, insertion) = Occlusion.Judge(model, Pixels(), map);
        var (worseDeletion, worseInsertion) = Occlusion.Judge(model, Pixels(), opposite);
        Assert.IsLessThan(worseDeletion, deletion);
        Assert.IsGreaterThan(worseInsertion, insertion);
    }

    [TestMethod]
    public void Average_ScalesTheMean()
    {
        var first = Heatmap.Normalized([0, 1, 0, 2], 2, 2, 1, 0.5f);
        var second = Heatmap.Normalized([1, 0, 0, 2], 2, 2, 1, 1);
        var average = Heatmap.Average([first, second]);
        CollectionAssert.AreEqual(new[] { 0.25f, 0.25f, 0, 1 }, average.Values.ToArray());
        Assert.AreEqual(0.75f, average.Probability);
    }

    [TestMethod]
    public void Npy_ReadsBack()
    {
        var bytes = Heatmap.Normalized([1, 2, 3, 4, 0, 0], 2, 3, 0, 1).ToNpy();
        var header = NpyHeader.Read(new MemoryStream(bytes), bytes.Length, "x");
        CollectionAssert.AreEqual(new long[] { 2, 3 }, header.Shape);
        Assert.AreEqual(0.5f, BitConverter.ToSingle(bytes, header.DataOffset + 4));
    }

    [TestMethod]
    public void Overlay_OfADegenerateMap_IsThePicture()
    {
        var map = Heatmap.Normalized([0, 0, 0, 0], 2, 2, 0, 1);
        var overlay = HeatmapOverlay.Draw(map, [1, 2, 3, 4], 1, side: 4);
        Assert.AreEqual((16, 4), (overlay.Width, overlay.Height));
        for (var x = 0; x < 12; x++)
            Assert.AreEqual(overlay.Row(3)[x], overlay.Row(3)[x + 36]);
    }

    [TestMethod]
    [DataRow("gradcam")]
    [DataRow("occlusion")]
    [DataRow("features")]
    public void Command_WritesFilesAndALineForEachPicture(string method)
    {
        using var folder = new Pictures();
        using var model = SmallModel.Create();
        model.Save(folder["model.safetensors"]);
        var picture = Path.Combine(folder.Splits(train: 3, test: 2), "test", "red", "000.png");
        var run = Cli.Run("explain", picture, picture, folder.Write("bad.png", "no"), "--model", folder["model.safetensors"], "--method", method, "--class", "ç", "--scores", "--output", folder["out"], "--json");
        Assert.AreEqual(MlNetCifar.App.Cli.ExitCodes.DataRejected, run.ExitCode, run.Error);
        Assert.HasCount(3, run.Lines);
        Assert.IsTrue(File.Exists(folder[$"out/000.{method}.png"]) && File.Exists(folder[$"out/000-2.{method}.png"]));
        Assert.AreEqual(method != "features", File.Exists(folder[$"out/000.{method}.npy"]));
        Assert.AreEqual("MNC1202", run.Lines[2].GetProperty("code").GetString());
        if (method == "gradcam")
            Assert.AreEqual("layer1.conv1", run.Lines[0].GetProperty("layer").GetString());
        Cli.Run("explain", picture, "--model", folder["model.safetensors"], "--class", "zebra").Bad(MlNetCifar.App.Cli.ExitCodes.Usage, "MNC9002");
    }

    static byte[] Pixels()
    {
        var pixels = new byte[144];
        new Random(0).NextBytes(pixels);
        return pixels;
    }
}
