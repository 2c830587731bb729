using MlNetCifar.Nn;
using MlNetCifar.Tests.App;
using Cli = MlNetCifar.Tests.App.Cli;

namespace MlNetCifar.Tests.Nn;

[TestClass]
public sealed class NetworkSizesTests
{
    [TestMethod]
    public void Sizes_ChangeInProportion()
    {
        var network = Sized("seed-cnn", new() { Filters = 48, DenseUnits = 200, Dropout = 0.25f });
        CollectionAssert.AreEqual(new[] { 48, 96, 192 }, network.Layers.OfType<Conv2d>().Select(conv => conv.Filters).ToArray());
        CollectionAssert.AreEqual(new[] { 200, 10 }, network.Layers.OfType<Linear>().Select(dense => dense.Units).ToArray());
        Assert.AreEqual(0.25f, network.Layers.OfType<Dropout>().Single().Rate);
        var rates = Sized("advanced-cnn", new() { Dropout = 0.6f }).Layers.OfType<Dropout>().Select(dropout => dropout.Rate).ToArray();
        foreach (var (expected, rate) in new[] { 0.2f, 0.3f, 0.4f, 0.6f }.Zip(rates))
            Assert.AreEqual(expected, rate, 1e-6f);
        CollectionAssert.AreEqual(new[] { 64, 32, 10 }, Sized("elephas-mlp", new() { DenseUnits = 64 }).Layers.OfType<Linear>().Select(dense => dense.Units).ToArray());
    }

    [TestMethod]
    public void NothingAsked_LeavesThePreset()
    {
        foreach (var preset in Architectures.Names)
            Assert.AreEqual(Architectures.Create(preset, 32, 32, 3, 10), Sized(preset, new()), preset);
    }

    [TestMethod]
    public void EveryPreset_HoldsTogetherInOtherSizes()
    {
        foreach (var preset in Architectures.Names)
        {
            List<string> idle = [];
            var network = Sized(preset, new() { Filters = 10, DenseUnits = 33, Dropout = 0.1f }, (property, reason) => idle.Add($"{property}: {reason}"));
            network.Validate();
            string[] expected = preset switch
            {
                "elephas-mlp" => ["filters"],
                "resnet9" or "airbench94" or "airbench96" or "resnet18" or "resnet34" => ["denseUnits", "dropout"],
                _ => [],
            };
            CollectionAssert.AreEqual(expected, idle.Select(text => text.Split(':')[0]).ToArray(), $"{preset}: {string.Join(", ", idle)}");
        }
    }

    [TestMethod]
    public void WhitenedFilters_StayAsManyAsTheirPatches()
    {
        var convolutions = Sized("airbench94", new() { Filters = 32 }).Layers.OfType<Conv2d>().Select(conv => conv.Filters).ToArray();
        CollectionAssert.AreEqual(new[] { 24, 32, 32, 128, 128, 128, 128 }, convolutions);
    }

    [TestMethod]
    public void Train_SaysWhichSizeHasNoEffect_AndRefusesOthers()
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        var trained = Cli.Run("train", data, "--preset", "elephas-mlp", "--size", "8", "--epochs", "1", "--filters", "8", "--dense-units", "16", "--output", folder.Runs).Good();
        StringAssert.Contains(trained.Error, "warning: --filters has no effect: elephas-mlp has no convolution that is trained");
        Assert.DoesNotContain("--dense-units has no effect", trained.Error);
        Cli.Run("train", data, "--preset", "elephas-mlp", "--dropout", "1", "--output", folder.Runs).Bad(MlNetCifar.App.Cli.ExitCodes.Usage, "MNC3001");
    }

    static NetworkSpec Sized(string preset, ExperimentOptions options, Action<string, string>? idle = null) =>
        NetworkSizes.Apply(Architectures.Create(preset, 32, 32, 3, 10), options.Filters, options.DenseUnits, options.Dropout, idle ?? ((property, reason) => Assert.Fail($"{property}: {reason}")));
}
