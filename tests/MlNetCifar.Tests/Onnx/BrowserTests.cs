using System.Diagnostics;
using System.Formats.Tar;
using System.IO.Compression;
using System.Text.Json;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Onnx;

/// <summary>The page under samples/browser, built with onnxruntime-web and opened as a file in headless Chromium.</summary>
[TestClass]
public sealed class BrowserTests
{
    static readonly string s_folder = Repository.File("samples", "browser");

    [TestMethod]
    [TestCategory("Slow")]
    public async Task Page_AnswersAsWeDo()
    {
        const int count = 50;
        Install();
        using var folder = new TestFolder();
        using var model = ImageClassifier.Load(Repository.File("models", "cifar10-airbench94.safetensors"));
        model.ExportOnnx(folder["model.onnx"], new() { Input = OnnxInput.Pictures });
        Assert.AreEqual(0, Run("node", s_folder, "build.mjs", folder["model.onnx"], folder["page.html"]));
        var pictures = Pictures(count);
        using var page = await ChromiumPage.Open(folder["page.html"]);
        var files = JsonSerializer.Serialize(pictures.Select(Convert.ToBase64String));
        var answers = await page.Evaluate(
            $"classifier.ready.then(() => classifier.take({files}.map((text, i) => new File([Uint8Array.from(atob(text), c => c.charCodeAt(0))], i + '.jpg')))).then(JSON.stringify)");
        var found = JsonDocument.Parse(answers).RootElement.EnumerateArray().ToArray();
        Assert.HasCount(count, found);
        var same = 0;
        for (var i = 0; i < count; i++)
        {
            Assert.IsFalse(found[i].TryGetProperty("error", out var error), $"{error}");
            var ours = model.Predict(pictures[i], top: 1)[0];
            same += ours.Label == found[i].GetProperty("label").GetString() ? 1 : 0;
        }

        Console.WriteLine($"{same} of {count} answers are ours");
        Assert.AreEqual(count, same);
        Assert.AreEqual($"{count}", await page.Evaluate("'' + document.querySelectorAll('figure').length"));
    }

    /// <summary>JPEG files of the sample that comes with the program.</summary>
    static byte[][] Pictures(int count)
    {
        using var tar = new TarReader(new GZipStream(File.OpenRead(Repository.File("src", "MlNetCifar.App", "Sample", "cifar10-sample.tar.gz")), CompressionMode.Decompress));
        var pictures = new List<byte[]>();
        for (var i = 0; tar.GetNextEntry() is { } entry && pictures.Count < count;)
        {
            // Every 97th, so that all classes are among them.
            if (entry.DataStream is null || !entry.Name.EndsWith(".jpg", StringComparison.Ordinal) || i++ % 97 != 0)
                continue;
            using var file = new MemoryStream();
            entry.DataStream.CopyTo(file);
            pictures.Add(file.ToArray());
        }

        Assert.HasCount(count, pictures);
        return [.. pictures];
    }

    static void Install()
    {
        if (Directory.Exists(Path.Combine(s_folder, "node_modules", "onnxruntime-web")))
            return;
        try
        {
            if (Run("npm", s_folder, "install", "--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock") != 0)
                Assert.Inconclusive("onnxruntime-web cannot be had from the npm registry.");
        }
        catch (System.ComponentModel.Win32Exception)
        {
            Assert.Inconclusive("There is no npm on this machine.");
        }
    }

    static int Run(string program, string folder, params string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder })!;
        process.WaitForExit();
        return process.ExitCode;
    }
}
