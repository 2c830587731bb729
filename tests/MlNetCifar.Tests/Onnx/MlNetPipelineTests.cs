using System.Globalization;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.Transforms.Image;
using MlNetCifar.Imaging;
using MlNetCifar.Tests.Inference;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>Exported files in ML.NET: LoadImages → ResizeImages → ExtractPixels → ApplyOnnxModel.</summary>
[TestClass]
public sealed class MlNetPipelineTests
{
    [TestMethod]
    public void PicturesOfTheModelsSize_GiveOurAnswers()
    {
        using var folder = new TestFolder();
        using var model = SmallModel.Create();
        var files = new List<string>();
        var random = new Random(3);
        for (var i = 0; i < 12; i++)
        {
            var pixels = new byte[8 * 6 * 3];
            random.NextBytes(pixels);
            files.Add(folder[$"{i:00}.png"]);
            File.WriteAllBytes(files[^1], PngEncoder.Encode(pixels, 6, 8, 3));
        }

        var (found, _) = Score(model, folder, files);
        for (var i = 0; i < files.Count; i++)
        {
            var expected = model.Predict(files[i], top: 3);
            Assert.AreEqual(expected[0].Label, found[i].Label);
            Assert.AreEqual(expected[0].Probability, found[i].Probabilities.Max(), 1e-5);
        }
    }

    /// <summary>What ML.NET's resize, which does not average over the area when it shrinks, does to the pixels, the probabilities and the answers.</summary>
    [TestMethod]
    public void Photographs_GiveOtherPixels()
    {
        const int count = 200;
        using var folder = new TestFolder();
        using var model = ImageClassifier.Load(Repository.File("models", "cifar10-airbench94.safetensors"));
        var files = PackagedModels.PhotographFiles(count, folder);
        var (found, pixels) = Score(model, folder, files);
        var preprocessor = new Preprocessor(model.Preprocess);
        var expected = new byte[model.Preprocess.Length];
        double pixelDifference = 0, probability = 0;
        var same = 0;
        for (var i = 0; i < count; i++)
        {
            preprocessor.Apply(File.ReadAllBytes(files[i]), expected);
            pixelDifference += expected.Zip(pixels[i], (a, b) => Math.Abs(a - b)).Average() / count;
            var source = new ImageSet(expected, [0], 32, 32, 3, model.Classes);
            var scores = new float[10];
            model.Calibration!.Scaling.Apply(model.Logits(source), 10, scores);
            probability += scores.Zip(found[i].Probabilities, (a, b) => Math.Abs(a - b)).Max() / count;
            same += model.Classes[Array.IndexOf(scores, scores.Max())] == found[i].Label ? 1 : 0;
        }

        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture, $"{count} photographs: pixels differ by {pixelDifference:F2} of 255 in the mean, probabilities by {probability:F4}, {same} answers are the same"));
        Assert.IsLessThan(20, pixelDifference);
        Assert.IsGreaterThan(count / 2, same);
    }

    static (List<Answer> Answers, List<byte[]> Pixels) Score(ImageClassifier model, TestFolder folder, IReadOnlyList<string> files)
    {
        var path = folder["model.onnx"];
        model.ExportOnnx(path);
        var spec = model.Network;
        var context = new MLContext();
        var shapes = new Dictionary<string, int[]> { ["pixels"] = [1, spec.Height, spec.Width, spec.Channels], ["probabilities"] = [1, spec.Classes], ["label"] = [1] };
        var steps = context.Transforms.LoadImages("image", imageFolder: "", inputColumnName: nameof(Picture.Path))
            .Append(context.Transforms.ResizeImages("image", spec.Width, spec.Height, resizing: ImageResizingEstimator.ResizingKind.Fill))
            .Append(context.Transforms.ExtractPixels("pixels", "image", interleavePixelColors: true, outputAsFloatArray: false))
            .Append(context.Transforms.ApplyOnnxModel(["probabilities", "label"], ["pixels"], path, shapes, recursionLimit: 100));
        var data = context.Data.LoadFromEnumerable(files.Select(file => new Picture { Path = file }));
        var scored = steps.Fit(data).Transform(data);
        var labels = scored.GetColumn<VBuffer<ReadOnlyMemory<char>>>("label").Select(label => label.GetItemOrDefault(0).ToString());
        return ([.. scored.GetColumn<float[]>("probabilities").Zip(labels, (p, label) => new Answer(label, p))], [.. scored.GetColumn<byte[]>("pixels")]);
    }

    sealed record Answer(string Label, float[] Probabilities);

    sealed class Picture
    {
        public string Path { get; set; } = "";
    }
}
