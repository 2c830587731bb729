using MlNetCifar.Evaluation;
using MlNetCifar.Interactive;
using MlNetCifar.Tests.Evaluation;
using MlNetCifar.Tests.TestKit;
using MlNetCifar.Tests.Training;

namespace MlNetCifar.Tests.Notebooks;

/// <summary>What a notebook shows of values of the library.</summary>
[TestClass]
public sealed class NotebookViewTests
{
    static string Show(object value) => NotebookViews.All.First(view => view.Key.IsInstanceOfType(value)).Value(value);

    [TestMethod]
    public void Pictures_AreAGrid_OfAllClasses()
    {
        var images = Samples.Report().Images!;
        var html = Show(images);
        Assert.HasCount(25, html.Split("<img src=\"data:image/png;base64,"));
        StringAssert.Contains(html, "1,500 images of 32×32 pixels, 10 classes");
        Assert.HasCount(3, HtmlFragment.Of(images, 2).Split("<img "));
        Assert.HasCount(1501, HtmlFragment.Of(images, 5000).Split("<img "));
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => HtmlFragment.Of(images, 0));
        StringAssert.Contains(Show(ImageDataset.Create(images, test: images)), "<h4>Test</h4>");
    }

    [TestMethod]
    public void Results_AreTablesAndPlots_AndTextIsEscaped()
    {
        var report = Samples.Report();
        var html = Show(report.Result);
        Assert.HasCount(4, html.Split("<svg "));
        StringAssert.Contains(html, "<td>Macro F1</td>".Replace("Macro F1", report.Result.Headline.First(m => m.Key.Contains("F1", StringComparison.OrdinalIgnoreCase)).Name, StringComparison.Ordinal));
        const string evil = "<script>alert(1)</script>";
        var result = Evaluator.Evaluate([0, 1, 2, 0], [0, 1, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0], [evil, evil + 1, evil + 2]);
        Assert.DoesNotContain("<script>", Show(result));
        Assert.DoesNotContain("<script>", Show(new Classification([new Prediction(evil, 0, 0.5f)], false, null)));
        StringAssert.Contains(Show(new[] { new Prediction("cat", 0, 0.5f) }), "<td>50.0 %</td>");
    }

    [TestMethod]
    public void Histories_AreCurves()
    {
        Assert.HasCount(3, Show(Samples.Report().History).Split("<svg "));
        StringAssert.Contains(Show(Array.Empty<EpochRecord>()), "No epoch");
        StringAssert.Contains(Show(new RgbImage(30, 20)), "width=\"30\" height=\"20\"");
    }

    /// <summary>A page in a frame is the page: quotes do not end the attribute.</summary>
    [TestMethod]
    public void Pages_ComeInAFrame()
    {
        var page = NotebookViews.Page("<p title=\"a\">b</p>", 100);
        StringAssert.Contains(page, "srcdoc=\"&lt;p title=&quot;a&quot;&gt;b&lt;/p&gt;\"");
        Assert.ThrowsExactly<ArgumentOutOfRangeException>(() => NotebookViews.Page("", 0));
    }

    [TestMethod]
    public void LiveHistory_IsDrawnAfterEachEpoch()
    {
        List<string> shown = [];
        using var data = TinyDataset();
        var trainer = new Trainer(Architectures.Create("seed-cnn", 16, 16, 3, 3), new TrainingOptions { Epochs = 2, BatchSize = 8 });
        trainer.Observers.Add(new LiveHistory(html =>
        {
            shown.Add(html);
            return shown.Add;
        }));
        using var result = trainer.Fit(data.Train, data.Test);
        Assert.HasCount(3, shown);
        Assert.AreEqual("", shown[0]);
        Assert.AreEqual(HtmlFragment.Of(result.History, result.BestEpoch), shown[2]);
        Assert.AreNotEqual(shown[1], shown[2]);
        Assert.ThrowsExactly<InvalidOperationException>(() => new LiveHistory());
    }

    static ImageDataset TinyDataset()
    {
        using var folder = new App.Pictures();
        return ImageDataset.Open(folder.Splits(), new() { Spec = new PreprocessSpec { Width = 16, Height = 16 } });
    }

    /// <summary>The script that a notebook runs names what is there.</summary>
    [TestMethod]
    public void Extension_UsesWhatThereIs()
    {
        var script = File.ReadAllText(Repository.File("src", "MlNetCifar.Interactive", "extension.dib"));
        StringAssert.Contains(script, $"{typeof(NotebookViews).FullName}.{nameof(NotebookViews.All)}");
        StringAssert.Contains(script, $"{typeof(LiveHistory).FullName}.{nameof(LiveHistory.Screen)} = ");
    }
}
