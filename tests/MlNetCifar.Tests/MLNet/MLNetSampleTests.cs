using System.Diagnostics;
using System.Net;
using System.Text.Json;
using Microsoft.ML;
using MlNetCifar.Imaging;
using MlNetCifar.MLNet;
using MlNetCifar.Tests.App;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.MLNet;

/// <summary>The programs under samples/mlnet are compiled and run.</summary>
[TestClass]
public sealed class MLNetSampleTests
{
    [TestMethod]
    [TestCategory("Slow")]
    public void TwoClasses_LearnsAndSaves()
    {
        using var folder = new Pictures();
        folder.Classes("photos", 24);
        Directory.Delete(folder["photos/green"], recursive: true);
        var lines = Run(folder, "two-classes.cs", folder["photos"], folder["inspection.zip"]);
        Assert.AreEqual("accuracy 1.000", lines.Single(line => line.StartsWith("accuracy ", StringComparison.Ordinal)).Split(',')[0]);
        Assert.IsGreaterThan(1, lines.Count(line => line.Contains(", predicted ", StringComparison.Ordinal)));
        Assert.IsTrue(File.Exists(folder["inspection.zip"]));
    }

    [TestMethod]
    public void Flowers_LearnsFiveClasses_AndAnswersFromTheFile()
    {
        using var folder = new Pictures();
        SampleClasses(folder, 40);
        var lines = Run(folder, "flowers.cs", folder["flowers"], "2");
        StringAssert.StartsWith(lines[0], "epoch 1: loss ");
        StringAssert.StartsWith(lines[2], "accuracy ");
        Assert.HasCount(6, lines);
        StringAssert.Contains(lines[5], ", predicted ");
    }

    [TestMethod]
    [TestCategory("Slow")]
    public void Features_TrainLightGbm()
    {
        using var folder = new Pictures();
        folder.Classes("photos", 24);
        var lines = Run(folder, "features-lightgbm.cs", folder["photos"]);
        Assert.AreEqual("accuracy 1.000", lines[0].Split(',')[0]);
    }

    /// <summary>Many at once, each with the bits that one alone gets; what is no picture is refused by its code.</summary>
    [TestMethod]
    public async Task WebApi_AnswersManyAtOnceAsync()
    {
        using var data = new MLNetData(train: 12, test: 10);
        var ml = data.ML;
        var files = ml.Transforms.Conversion.MapValueToKey("Label").Append(ml.Transforms.LoadRawImageBytes("Image", null, "Path")).Fit(data.View("train"));
        var train = files.Transform(data.View("train"));
        var model = ml.MulticlassClassification.Trainers.ImageNetwork(new() { Architecture = "seed-cnn", Epoch = 2, BatchSize = 8, ImageSize = new ImageSize(16, 16) })
            .Append(ml.Transforms.Conversion.MapKeyToValue("PredictedLabel")).Fit(train);
        ml.Model.Save(model, train.Schema, data["model.zip"]);
        var rows = data.Rows("test");
        var expected = MLNetData.Scores(model.Transform(files.Transform(data.View("test"))));
        using var folder = new TestFolder();
        using var server = OwnProcess.Start(folder.Root, "run", FileProgram.Compile(folder, Sample("web-api.cs")), data["model.zip"], "--urls", "http://127.0.0.1:0");
        try
        {
            var errors = server.StandardError.ReadToEndAsync();
            using var client = new HttpClient { BaseAddress = await AddressAsync(server, errors) };
            var answers = await Task.WhenAll(rows.SelectMany(row => Enumerable.Repeat(row, 4)).Select(row => ScoresAsync(client, row.Path)));
            for (var i = 0; i < answers.Length; i++)
                CollectionAssert.AreEqual(expected[i / 4], answers[i]);
            using var refused = await client.PostAsync("/predict", new StringContent("no picture"));
            Assert.AreEqual(HttpStatusCode.BadRequest, refused.StatusCode);
            StringAssert.Contains(await refused.Content.ReadAsStringAsync(), "MNC7004");
        }
        finally
        {
            server.Kill();
        }
    }

    /// <summary>As a reader runs them: restored and built by "dotnet run", with the library: minutes each.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [TestCategory("Long")]
    [DataRow("two-classes.cs")]
    [DataRow("flowers.cs")]
    [DataRow("features-lightgbm.cs")]
    public void Sample_RunsByDotnetRun(string name)
    {
        using var folder = new Pictures();
        folder.Classes("photos", 24);
        using var process = Process.Start(new ProcessStartInfo("dotnet", ["run", "-c", "Release", Repository.File("samples", "mlnet", name), "--", folder["photos"]])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder.Root,
        })!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, output + error.Result);
        StringAssert.Contains(output, "accuracy ");
    }

    static string Sample(string name) => File.ReadAllText(Repository.File("samples", "mlnet", name));

    static string[] Run(Pictures folder, string name, params string[] arguments) =>
        OwnProcess.RunIn(folder.Root, ["run", FileProgram.Compile(folder, Sample(name)), .. arguments]).Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>Six classes of the CIFAR sample as folders of files.</summary>
    static void SampleClasses(Pictures folder, int count)
    {
        using var data = ImageDataset.Open(Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz"));
        var (train, pixels) = (data.Train, new byte[data.Train.ImageLength]);
        foreach (var (label, images) in Enumerable.Range(0, train.Count).GroupBy(train.Label).Take(6).Select(group => (group.Key, group.Take(count))))
        {
            foreach (var i in images)
            {
                train.CopyPixels(i, pixels);
                folder.Write($"flowers/{train.Classes[label]}/{i}.png", PngEncoder.Encode(pixels, train.Width, train.Height, train.Channels));
            }
        }
    }

    static async Task<Uri> AddressAsync(Process server, Task<string> errors)
    {
        while (await server.StandardOutput.ReadLineAsync() is { } line)
        {
            if (line.Split("Now listening on: ") is [_, var address])
            {
                _ = server.StandardOutput.ReadToEndAsync();
                return new Uri(address.Trim());
            }
        }

        throw new AssertFailedException(await errors);
    }

    static async Task<float[]> ScoresAsync(HttpClient client, string path)
    {
        using var response = await client.PostAsync("/predict", new ByteArrayContent(await File.ReadAllBytesAsync(path)));
        var text = await response.Content.ReadAsStringAsync();
        Assert.AreEqual(HttpStatusCode.OK, response.StatusCode, text);
        return [.. JsonDocument.Parse(text).RootElement.GetProperty("scores").EnumerateArray().Select(score => score.GetSingle())];
    }
}
