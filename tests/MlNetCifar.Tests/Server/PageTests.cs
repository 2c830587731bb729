using MlNetCifar.Tests.Evaluation;

namespace MlNetCifar.Tests.Server;

/// <summary>The page in a real browser.</summary>
[TestClass]
public sealed class PageTests
{
    [TestMethod]
    [DataRow(1200, 900)]
    [DataRow(500, 900)]
    public async Task Page_DrawsWithoutAnError(int width, int height)
    {
        await using var server = await RunningServer.Start();
        var (png, console) = Chromium.Screenshot(server.Client.BaseAddress!.ToString(), width, height);
        Assert.IsEmpty(console, string.Join('\n', console));
        Keep(png, $"page-{width}.png");
        Assert.AreEqual(width, RgbImage.Decode(png).Width);
    }

    [TestMethod]
    public async Task Picture_IsAnswered_AndExplained()
    {
        await using var server = await RunningServer.Start();
        using var page = await ChromiumPage.Open(server.Client.BaseAddress!.ToString(), "document.getElementById('model') && document.getElementById('model').options.length");
        var expected = server.Model.Classify(RunningServer.Png(4));
        var text = await page.Evaluate(
            $$"""
            (async () => {
              const until = async f => { for (let i = 0; i < 200 && !f(); i++) await new Promise(r => setTimeout(r, 50)); return f(); };
              const bytes = Uint8Array.from(atob("{{Convert.ToBase64String(RunningServer.Png(4))}}"), c => c.charCodeAt(0));
              const files = new DataTransfer();
              files.items.add(new File([bytes], "a.png", {type: "image/png"}));
              const input = document.getElementById("file");
              input.files = files.files;
              input.dispatchEvent(new Event("change"));
              await until(() => document.querySelectorAll("#answer li").length > 0);
              document.getElementById("explain").click();
              await until(() => !document.getElementById("map").hidden && document.getElementById("map").naturalWidth > 0);
              await until(() => document.getElementById("t-rate").textContent !== "–");
              const names = [...document.querySelectorAll("#answer li .name")].map(e => e.textContent).join("|");
              const unnamed = [...document.querySelectorAll("button,input,select,img:not([hidden])")].filter(e => !(e.textContent.trim() || e.ariaLabel || e.alt || (e.labels && e.labels.length)));
              return names + "#" + document.getElementById("map").naturalWidth + "#" + unnamed.length + "#" + document.getElementById("model").value + "#" + (document.documentElement.scrollWidth <= innerWidth);
            })()
            """);
        var parts = text.Split('#');
        Assert.AreEqual(string.Join('|', expected.Predictions.Select(p => FormattableString.Invariant($"{p.Label}{100 * p.Probability:0.0} %"))), parts[0]);
        Assert.IsGreaterThan(100, int.Parse(parts[1], null));
        Assert.AreEqual("0", parts[2], "controls without a name");
        Assert.AreEqual("small", parts[3]);
        Assert.AreEqual("true", parts[4], "nothing sticks out to the side");
        Keep(await page.Screenshot(1200, 900), "answer-1200.png");
        Keep(await page.Screenshot(400, 1400), "answer-400.png");
        Assert.AreEqual("true", await page.Evaluate("'' + (document.documentElement.scrollWidth <= innerWidth)"), "nor on a phone");
    }

    /// <summary>MLNETCIFAR_KEEP_SCREENSHOTS names a folder for people who want to look.</summary>
    static void Keep(byte[] png, string name)
    {
        if (Environment.GetEnvironmentVariable("MLNETCIFAR_KEEP_SCREENSHOTS") is { Length: > 0 } folder)
            File.WriteAllBytes(Path.Combine(folder, name), png);
    }
}
