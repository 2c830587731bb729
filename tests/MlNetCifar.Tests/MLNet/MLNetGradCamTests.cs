using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MlNetCifar.Explain;
using MlNetCifar.Imaging;
using MlNetCifar.MLNet;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.MLNet;

/// <summary>Columns of Grad-CAM maps are those that the library draws.</summary>
[TestClass]
public sealed class MLNetGradCamTests
{
    static readonly ImageNetworkOptions s_quick = new() { ImageColumnName = "Path", Architecture = "seed-cnn", Epoch = 2, BatchSize = 8, Seed = 3, ImageSize = new ImageSize(16, 16), GradCamColumnName = "Map" };
    static MLNetData s_data = null!;
    static ImageNetworkTransformer s_model = null!;
    static byte[][] s_expected = null!;

    [ClassInitialize]
    public static void Train(TestContext context)
    {
        s_data = new(train: 12, test: 8);
        s_model = s_data.ML.MulticlassClassification.Trainers.ImageNetwork(s_quick).Fit(s_data.View("train"));
        using var explainer = new GradCam(s_model.Model);
        var preprocessor = new Preprocessor(s_model.Model.Preprocess);
        s_expected = [.. s_data.Rows("test").Select(row =>
        {
            var pixels = new byte[s_model.Model.Preprocess.Length];
            preprocessor.Apply(File.ReadAllBytes(row.Path), pixels);
            return HeatmapOverlay.Draw(explainer.Explain(row.Path), pixels, 3).Pixels.ToArray();
        })];
    }

    [ClassCleanup]
    public static void Clean() => s_data.Dispose();

    [TestMethod]
    public void Column_OfTheTrainer_IsTheLibrarysMap()
    {
        var view = s_model.Transform(s_data.View("test"));
        Assert.IsInstanceOfType<ImageDataViewType>(view.Schema["Map"].Type);
        AssertMaps(view, "Map");
        AssertMaps(s_data.ML.MulticlassClassification.Trainers.ImageNetwork(s_quick).Append(s_data.ML.Transforms.CopyColumns("Copy", "Map")).Fit(s_data.View("train")).Transform(s_data.View("test")), "Copy");
    }

    [TestMethod]
    public void Engine_AndTheLoadedArchive_GiveTheSame()
    {
        var ml = new MLContext().UseMlNetCifar();
        ml.Model.Save(s_model, s_data.View("test").Schema, s_data["map.zip"]);
        var loaded = ml.Model.Load(s_data["map.zip"], out _);
        AssertMaps(loaded.Transform(s_data.View("test")), "Map");
        using var engine = ml.Model.CreatePredictionEngine<PathRow, Explained>(loaded);
        foreach (var (row, i) in s_data.Rows("test").Select((row, i) => (row, i)))
            CollectionAssert.AreEqual(s_expected[i], Rgb(engine.Predict(row).Map!));
    }

    [TestMethod]
    public void Transform_ExplainsAnyModel_AndIsSaved()
    {
        var ml = new MLContext().UseMlNetCifar();
        var fitted = ml.Transforms.GradCam("Where", s_model.Model, "Path").Fit(s_data.View("test"));
        AssertMaps(fitted.Transform(s_data.View("test")), "Where");
        var layer = GradCam.Layers(s_model.Model)[0];
        var first = ml.Transforms.GradCam("Where", s_model.Model, "Path", layer: layer).Fit(s_data.View("test"));
        ml.Model.Save(first, s_data.View("test").Schema, s_data["where.zip"]);
        var loaded = ml.Model.Load(s_data["where.zip"], out _);
        var (before, after) = (Maps(first.Transform(s_data.View("test")), "Where"), Maps(loaded.Transform(s_data.View("test")), "Where"));
        CollectionAssert.AreNotEqual(s_expected[0], before[0]);
        for (var i = 0; i < before.Length; i++)
            CollectionAssert.AreEqual(before[i], after[i]);
    }

    [TestMethod]
    public void Maps_AreComputedOnlyWhereTheyAreAskedFor()
    {
        var view = s_model.Transform(s_data.View("test"));
        using var cursor = view.GetRowCursor([view.Schema["Score"]]);
        Assert.IsTrue(cursor.MoveNext());
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => cursor.GetGetter<MLImage>(view.Schema["Map"]));
    }

    [TestMethod]
    public void Faults_AreNamed()
    {
        var ml = s_data.ML;
        Assert.AreEqual("MNC5502", Assert.ThrowsExactly<MlNetCifarException>(() => ml.Transforms.GradCam("Where", s_model.Model, layer: "none")).Code);
        StringAssert.Contains(Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => ml.Transforms.GradCam("Where", s_model.Model, "Picture").Fit(s_data.View("test"))).Message, "'Picture'");
        PathRow[] rows = [s_data.Rows("test")[0], new() { Path = s_data["missing.png"], Label = "red" }];
        var maps = Maps(ml.Transforms.GradCam("Where", s_model.Model, "Path", onBadImage: OnBadImage.Skip).Fit(s_data.View("test")).Transform(ml.Data.LoadFromEnumerable(rows)), "Where");
        CollectionAssert.AreEqual(s_expected[0], maps[0]);
        Assert.IsEmpty(maps[1]);
    }

    /// <summary>Whoever has no image columns needs no package for them, and is told when he does.</summary>
    [TestMethod]
    public void WithoutThePackageOfImages_TheColumnIsRefused()
    {
        const string program = """
            using Microsoft.ML;
            using MlNetCifar;
            using MlNetCifar.MLNet;

            var ml = new MLContext();
            using var model = ImageClassifier.Load(args[0]);
            var rows = ml.Data.LoadFromEnumerable(new[] { new { Image = args[1] } });
            Console.WriteLine(ml.Model.FromClassifier(model).Transform(rows).Schema["Score"].Name);
            try
            {
                ml.Model.FromClassifier(model, new() { GradCamColumnName = "Map" });
            }
            catch (MlNetCifarException e)
            {
                Console.WriteLine(e.Code);
            }
            """;
        using var folder = new TestFolder();
        s_model.Model.Save(folder["model.safetensors"]);
        var path = FileProgram.Compile(folder, program);
        foreach (var file in Directory.EnumerateFiles(AppContext.BaseDirectory, "*.dll").Where(file => Path.GetFileName(file) is var name && name != "Microsoft.ML.ImageAnalytics.dll" && (name.StartsWith("Microsoft.ML", StringComparison.Ordinal) || name is "MlNetCifar.dll" or "MlNetCifar.MLNet.dll" || name.StartsWith("System.", StringComparison.Ordinal) || name.StartsWith("Newtonsoft", StringComparison.Ordinal))))
            File.Copy(file, folder[Path.GetFileName(file)]);
        folder.Write("program.runtimeconfig.json", $$"""{ "runtimeOptions": { "framework": { "name": "Microsoft.NETCore.App", "version": "{{Environment.Version}}" } } }""");
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("dotnet", [path, folder["model.safetensors"], s_data.Rows("test")[0].Path])
        {
            RedirectStandardOutput = true, RedirectStandardError = true,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        CollectionAssert.AreEqual(new[] { "Score", "MNC7010" }, output.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries), output + error.Result);
    }

    static void AssertMaps(IDataView view, string column)
    {
        var maps = Maps(view, column);
        Assert.HasCount(s_expected.Length, maps);
        for (var i = 0; i < maps.Length; i++)
            CollectionAssert.AreEqual(s_expected[i], maps[i]);
    }

    static byte[][] Maps(IDataView view, string column)
    {
        List<byte[]> maps = [];
        using var cursor = view.GetRowCursor([view.Schema[column]]);
        var getter = cursor.GetGetter<MLImage>(view.Schema[column]);
        MLImage? image = null;
        while (cursor.MoveNext())
        {
            getter(ref image!);
            maps.Add(image is null ? [] : Rgb(image));
        }

        image?.Dispose();
        return [.. maps];
    }

    static byte[] Rgb(MLImage image)
    {
        Assert.AreEqual(MLPixelFormat.Bgra32, image.PixelFormat);
        var pixels = image.Pixels;
        var rgb = new byte[3 * image.Width * image.Height];
        for (var i = 0; i < rgb.Length / 3; i++)
            (rgb[3 * i], rgb[(3 * i) + 1], rgb[(3 * i) + 2]) = (pixels[(4 * i) + 2], pixels[(4 * i) + 1], pixels[4 * i]);
        return rgb;
    }

    sealed class Explained
    {
        [ImageType(256, 520)]
        public MLImage? Map { get; set; }
    }
}
