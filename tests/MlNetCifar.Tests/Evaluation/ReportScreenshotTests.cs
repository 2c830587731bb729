using MlNetCifar.Imaging;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Evaluation;

/// <summary>
/// The report as Chromium draws it, against committed pictures in Fixtures. Both are reduced to means of 20 × 20 pixels, so that another
/// version's smoothing of letters does not matter but a moved, missing or recoloured part does.
/// MLNETCIFAR_UPDATE_GOLDEN=1 writes new pictures; look at them before committing.
/// </summary>
[TestClass]
public sealed class ReportScreenshotTests
{
    const int Block = 20;

    /// <summary>Largest accepted mean difference of a colour, of 255. The same page on the same machine differs by 0, light from dark by over 150.</summary>
    const double Tolerance = 2;

    static TestFolder? s_folder;

    [ClassInitialize]
    public static void WriteReport(TestContext context)
    {
        s_folder = new TestFolder();
        var page = ReportWriter.Write(s_folder.Root, Samples.Report());
        // One font for all machines, as far as they have it.
        File.WriteAllText(page, File.ReadAllText(page).Replace("</style></head>", "*,.mc-plot{font-family:'DejaVu Sans'!important}</style></head>"));
        File.WriteAllText(
            Path.Combine(s_folder.Root, "phone.html"),
            "<body style=\"margin:0\"><iframe src=\"report.html\" style=\"width:380px;height:6000px;border:0\"></iframe>");
    }

    [ClassCleanup]
    public static void DeleteReport() => s_folder?.Dispose();

    [TestMethod]
    public void Report_LooksAsItShould() => Check("report_light.png", "report.html", 1200, 4400, "--blink-settings=preferredColorScheme=1");

    [TestMethod]
    public void Report_LooksAsItShouldInTheDark() => Check("report_dark.png", "report.html", 1200, 1600, "--blink-settings=preferredColorScheme=0");

    [TestMethod]
    public void Report_LooksAsItShouldOnAPhone() => Check("report_phone.png", "phone.html", 500, 6000, "--blink-settings=preferredColorScheme=1");

    [TestMethod]
    public void Console_CheckSeesErrors()
    {
        var page = Path.Combine(s_folder!.Root, "broken.html");
        File.WriteAllText(page, "<script>nothing.here()</script>");
        Assert.IsNotEmpty(Chromium.Screenshot(page, 500, 300).Console);
    }

    [TestMethod]
    public void Difference_SeesAMovedPart()
    {
        var golden = Golden("report_light.png");
        var moved = new RgbImage(golden.Width, golden.Height);
        golden.Pixels[..^(3 * golden.Width)].CopyTo(moved.Pixels[(3 * golden.Width)..]);
        Assert.IsGreaterThan(Tolerance, Difference(golden, moved), "one block further down");
    }

    static void Check(string name, string page, int width, int height, string colours)
    {
        if (!File.Exists("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"))
            Assert.Inconclusive("The committed pictures need the font DejaVu Sans.");
        var (png, console) = Chromium.Screenshot(Path.Combine(s_folder!.Root, page), width, height, colours);
        Assert.IsEmpty(console, string.Join('\n', console));
        var picture = Reduce(ImageDecoder.Decode(png));
        if (Environment.GetEnvironmentVariable("MLNETCIFAR_UPDATE_GOLDEN") == "1")
            File.WriteAllBytes(Fixtures.Path(name), PngEncoder.Encode(picture.Pixels, picture.Width, picture.Height, 3));
        var difference = Difference(Golden(name), picture);
        Assert.IsLessThan(Tolerance, difference, name);
    }

    static RgbImage Golden(string name) => ImageDecoder.Decode(File.ReadAllBytes(Fixtures.Path(name)));

    static RgbImage Reduce(RgbImage image)
    {
        var small = new RgbImage(image.Width / Block, image.Height / Block);
        for (var y = 0; y < small.Height; y++)
            for (var x = 0; x < small.Width; x++)
                for (var c = 0; c < 3; c++)
                {
                    var sum = 0;
                    for (var row = y * Block; row < (y + 1) * Block; row++)
                        for (var column = x * Block; column < (x + 1) * Block; column++)
                            sum += image.Row(row)[(3 * column) + c];
                    small.Row(y)[(3 * x) + c] = (byte)(sum / (Block * Block));
                }

        return small;
    }

    static double Difference(RgbImage a, RgbImage b)
    {
        Assert.AreEqual((a.Width, a.Height), (b.Width, b.Height));
        var sum = 0.0;
        for (var i = 0; i < a.Pixels.Length; i++)
            sum += Math.Abs(a.Pixels[i] - b.Pixels[i]);
        return sum / a.Pixels.Length;
    }
}
