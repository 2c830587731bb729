using System.Globalization;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Explain;
using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.App.Commands;

/// <summary>How <c>explain</c> looks for what counts.</summary>
internal enum ExplainMethod
{
    GradCam,
    Occlusion,
    Features,
}

/// <summary>Shows where on pictures a model sees a class.</summary>
internal sealed class ExplainCommand() : Verb("explain", "Show where on pictures the model sees a class: a heat map over each, and its numbers.")
{
    static readonly OptionDescription<string?> s_layer = OptionDescription.Text("layer", "NAME", "Convolution to look at, for example conv3; without it the last");
    static readonly OptionDescription<string?> s_class = OptionDescription.Text(
        "class", "NAME", "Class to explain, by name or index; without it the most probable of each picture");
    static readonly OptionDescription<ExplainMethod> s_method = OptionDescription.Of(
        "method", "NAME", "gradcam, occlusion (slower, needs no convolution) or features (a sheet of feature maps)",
        OptionText.Choice<ExplainMethod>, ExplainMethod.GradCam, defaultText: "gradcam");

    static readonly OptionDescription<int> s_top = OptionDescription.Of("top", "N", "Feature maps on a sheet", OptionText.Positive, 16);
    static readonly OptionDescription<bool> s_scores = OptionDescription.Flag("scores", "Measure how good each map is: areas under the deletion and insertion curves");
    static readonly OptionDescription<bool> s_average = OptionDescription.Flag(
        "average", "Also write the mean map of each class over all pictures explained for it, over the mean picture");
    static readonly OptionDescription<string?> s_output = OptionDescription.Text("output", "FOLDER", "Where the pictures and arrays are written", "explained");

    public override string Arguments => "FILE...";

    public override string ArgumentsHelp => "Image files, folders of them, also on hdfs://, or - for standard input";

    public override (int Least, int Most) ArgumentCount => (0, 100_000);

    protected override IEnumerable<OptionDescription> OwnOptions =>
        [EvaluationTable.Model, s_layer, s_class, s_method, s_top, s_scores, s_average, s_output, .. PictureFiles.Options, TrainingTable.Threads];

    public override IReadOnlyList<string> Examples => ["photo.jpg", "--model runs/train/seed-cnn --class cat --method occlusion photos", "--average photos"];

    public override int Run(Call call)
    {
        if (call.Arguments.Count == 0)
            throw CliErrors.NoInput();
        var files = call.Arguments.SelectMany(a => PictureFiles.Find(call, a)).ToList();
        using var model = ModelChoice.Load(call);
        var target = Target(call.Get(s_class), model);
        var method = call.Get(s_method);
        using var gradCam = method == ExplainMethod.Occlusion ? null : new GradCam(model, call.Get(s_layer), 1, call.Get(TrainingTable.Threads));
        var folder = Directory.CreateDirectory(call.Get(s_output)!).FullName;
        var means = new SortedDictionary<int, MeanHeatmap>();
        var page = new List<SheetPicture>();
        var (names, failed) = (new HashSet<string>(StringComparer.OrdinalIgnoreCase), 0);
        foreach (var file in files)
        {
            if (call.Stop.IsCancellationRequested)
                break;
            try
            {
                Explain(call, model, gradCam, target, file, Path.Combine(folder, PictureFiles.FreeName(file, names)), means, page);
            }
            catch (MlNetCifarException e)
            {
                failed++;
                ExplainView.Fail(call, file, e);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                failed++;
                ExplainView.Fail(call, file, CliErrors.Disk(e));
            }
        }

        if (call.Get(s_average))
            ExplainView.WriteMeans(call, model, gradCam?.Layer, means, folder);
        ExplainView.WriteSheet(call, model, page, folder);
        return failed > 0 ? ExitCodes.DataRejected : call.Done();
    }

    static void Explain(
        Call call, ImageClassifier model, GradCam? gradCam, int? target, string file, string stem, SortedDictionary<int, MeanHeatmap> means, List<SheetPicture> page)
    {
        var pixels = new byte[model.Preprocess.Length];
        var bytes = PictureFiles.Read(call, file);
        new Preprocessor(model.Preprocess, PictureFiles.Decoding(call)).Apply(bytes, pixels, file);
        if (call.Get(s_method) == ExplainMethod.Features)
        {
            var sheet = gradCam!.Features(pixels, target, call.Get(s_top));
            ExplainView.WritePng($"{stem}.features.png", sheet.Picture);
            ExplainView.Print(call, file, gradCam.Layer, $"{stem}.features.png", sheet);
            return;
        }

        var map = gradCam is null ? Occlusion.Explain(model, pixels, target, cancellation: call.Stop) : gradCam.Explain(pixels, target)[0];
        if (!means.TryGetValue(map.Class, out var mean))
            means.Add(map.Class, mean = new MeanHeatmap());
        mean.Add(map, pixels);
        stem += gradCam is null ? ".occlusion" : ".gradcam";
        var photograph = RgbImage.Decode(bytes, PictureFiles.Decoding(call) with { ApplyOrientation = model.Preprocess.ApplyOrientation });
        (double Deletion, double Insertion)? scores = call.Get(s_scores) ? Occlusion.Judge(model, pixels, map, cancellation: call.Stop) : null;
        var onSheet = ExplainView.OnSheet(file, gradCam?.Layer, stem, model.Classes[map.Class], map, scores);
        ExplainView.WritePng($"{stem}.png", HeatmapOverlay.DrawCaptioned(map, photograph, model.Preprocess, ExplainView.Caption(onSheet, map.Degenerate)));
        LocalFileStore.Instance.Write($"{stem}.npy", stream => stream.Write(map.ToNpy()));
        ExplainView.Print(call, file, gradCam?.Layer, stem, model.Classes[map.Class], map, scores);
        page.Add(onSheet);
    }

    static int? Target(string? text, ImageClassifier model)
    {
        if (text is null)
            return null;
        var index = model.Classes.IndexOf(text);
        if (index >= 0 || (int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out index) && index < model.Classes.Length))
            return index;
        throw CliErrors.Value(s_class.Option, text, $"one of {string.Join(", ", model.Classes)}, or 0 to {model.Classes.Length - 1}", model.Classes);
    }
}
