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
    static readonly Setting<string?> s_layer = Cli.Settings.Text("layer", "NAME", "Convolution to look at, for example conv3; without it the last");
    static readonly Setting<string?> s_class = Cli.Settings.Text("class", "NAME", "Class to explain, by name or index; without it the most probable of each picture");
    static readonly Setting<ExplainMethod> s_method = Cli.Settings.Of(
        "method", "NAME", "gradcam, occlusion (slower, needs no convolution) or features (a sheet of feature maps)", Texts.Choice<ExplainMethod>, ExplainMethod.GradCam, defaultText: "gradcam");

    static readonly Setting<int> s_top = Cli.Settings.Of("top", "N", "Feature maps on a sheet", Texts.Positive, 16);
    static readonly Setting<bool> s_scores = Cli.Settings.Flag("scores", "Measure how good each map is: areas under the deletion and insertion curves");
    static readonly Setting<bool> s_average = Cli.Settings.Flag("average", "Also write the mean map of each class over all pictures explained for it, over the mean picture");
    static readonly Setting<string?> s_output = Cli.Settings.Text("output", "FOLDER", "Where the pictures and arrays are written", "explained");

    public override string Arguments => "FILE...";

    public override string ArgumentsHelp => "Image files, folders of them, also on hdfs://, or - for standard input";

    public override (int Least, int Most) ArgumentCount => (0, 100_000);

    protected override IEnumerable<Setting> OwnSettings => [ModelSettings.Model, s_layer, s_class, s_method, s_top, s_scores, s_average, s_output, TrainingSettings.Find<int?>("threads")];

    public override IReadOnlyList<string> Examples => ["photo.jpg", "--model runs/train/seed-cnn --class cat --method occlusion photos", "--average photos"];

    public override int Run(Call call)
    {
        if (call.Arguments.Count == 0)
            throw CliErrors.NoInput();
        var files = call.Arguments.SelectMany(a => PredictCommand.Expand(call, a)).ToList();
        using var model = ModelSettings.Load(call);
        var target = Target(call.Get(s_class), model);
        var method = call.Get(s_method);
        using var gradCam = method == ExplainMethod.Occlusion ? null : new GradCam(model, call.Get(s_layer), 1, call.Get(TrainingSettings.Find<int?>("threads")));
        var folder = Directory.CreateDirectory(call.Get(s_output)!).FullName;
        var means = new SortedDictionary<int, MeanHeatmap>();
        var (names, failed) = (new HashSet<string>(StringComparer.OrdinalIgnoreCase), 0);
        foreach (var file in files)
        {
            if (call.Stop.IsCancellationRequested)
                break;
            try
            {
                Explain(call, model, gradCam, target, file, Path.Combine(folder, FreeName(file, names)), means);
            }
            catch (MlNetCifarException e)
            {
                failed++;
                Fail(call, file, e);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                failed++;
                Fail(call, file, CliErrors.Disk(e));
            }
        }

        if (call.Get(s_average))
            WriteMeans(call, model, gradCam?.Layer, means, folder);
        return failed > 0 ? ExitCodes.DataRejected : call.Done();
    }

    static void WriteMeans(Call call, ImageClassifier model, string? layer, SortedDictionary<int, MeanHeatmap> means, string folder)
    {
        foreach (var (index, mean) in means)
        {
            // A class may be called anything; its index makes the name unique where that is no file name.
            var safe = string.Concat(model.Classes[index].Select(c => char.IsLetterOrDigit(c) || c is '-' or '_' ? c : '_'));
            var stem = Path.Combine(folder, Texts.Invariant($"mean-{index}-{safe}"));
            var map = mean.ToHeatmap();
            WritePng($"{stem}.png", HeatmapOverlay.Draw(map, mean.ToPixels(), model.Network.Channels));
            LocalFileStore.Instance.Write($"{stem}.npy", stream => stream.Write(map.ToNpy()));
            Print(call, Texts.Invariant($"mean of {mean.Count:N0}"), layer, stem, model.Classes[index], map, null);
        }
    }

    static void Explain(
        Call call, ImageClassifier model, GradCam? gradCam, int? target, string file, string stem, SortedDictionary<int, MeanHeatmap> means)
    {
        var pixels = new byte[model.Preprocess.Length];
        new Preprocessor(model.Preprocess).Apply(PredictCommand.Read(call, file), pixels);
        if (call.Get(s_method) == ExplainMethod.Features)
        {
            var sheet = gradCam!.Features(pixels, target, call.Get(s_top));
            WritePng($"{stem}.features.png", sheet.Picture);
            Print(call, file, gradCam.Layer, $"{stem}.features.png", sheet);
            return;
        }

        var map = gradCam is null ? Occlusion.Explain(model, pixels, target, cancellation: call.Stop) : gradCam.Explain(pixels, target)[0];
        if (!means.TryGetValue(map.Class, out var mean))
            means.Add(map.Class, mean = new MeanHeatmap());
        mean.Add(map, pixels);
        stem += gradCam is null ? ".occlusion" : ".gradcam";
        WritePng($"{stem}.png", HeatmapOverlay.Draw(map, pixels, model.Network.Channels));
        LocalFileStore.Instance.Write($"{stem}.npy", stream => stream.Write(map.ToNpy()));
        (double Deletion, double Insertion)? scores = call.Get(s_scores) ? Occlusion.Judge(model, pixels, map, cancellation: call.Stop) : null;
        Print(call, file, gradCam?.Layer, stem, model.Classes[map.Class], map, scores);
    }

    static void Print(Call call, string file, string? layer, string stem, string label, Heatmap map, (double Deletion, double Insertion)? scores)
    {
        if (!call.Json)
        {
            call.Terminal.Out.WriteLine(Texts.Invariant(
                $"{file}: {label} {map.Probability:0.000}{(layer is null ? "" : $", layer {layer}")}{(map.Degenerate ? ", nothing speaks for it" : "")}{(scores is { } s ? Texts.Invariant($", deletion {s.Deletion:0.000}, insertion {s.Insertion:0.000}") : "")} -> {stem}.png"));
            return;
        }

        JsonLine.Write(call.Terminal.Out, json =>
        {
            json.WriteString("path", file);
            json.WriteString("label", label);
            json.WriteNumber("index", map.Class);
            json.WriteNumber("probability", map.Probability);
            json.WriteString("layer", layer);
            json.WriteBoolean("degenerate", map.Degenerate);
            if (scores is { } areas)
            {
                json.WriteNumber("deletion", areas.Deletion);
                json.WriteNumber("insertion", areas.Insertion);
            }

            json.WriteString("overlay", $"{stem}.png");
            json.WriteString("array", $"{stem}.npy");
        });
    }

    static void Print(Call call, string file, string layer, string path, FeatureSheet sheet)
    {
        if (!call.Json)
        {
            call.Terminal.Out.WriteLine($"{file}: channels {string.Join(", ", sheet.Channels)} of layer {layer} -> {path}");
            return;
        }

        JsonLine.Write(call.Terminal.Out, json =>
        {
            json.WriteString("path", file);
            json.WriteString("layer", layer);
            json.WriteStartArray("channels");
            foreach (var channel in sheet.Channels)
                json.WriteNumberValue(channel);
            json.WriteEndArray();
            json.WriteString("sheet", path);
        });
    }

    static void Fail(Call call, string file, MlNetCifarException fault)
    {
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("path", file);
                json.WriteString("code", fault.Code);
                json.WriteString("error", fault.Message);
            });
        else
            call.Terminal.Log($"error {fault.Code}: {(fault.Path is null ? file + ": " : "")}{fault.Message}");
    }

    static void WritePng(string path, RgbImage image) =>
        LocalFileStore.Instance.Write(path, stream => stream.Write(PngEncoder.Encode(image.Pixels, image.Width, image.Height, 3)));

    /// <summary>A name that no other picture of this call has, whatever their folders.</summary>
    static string FreeName(string file, HashSet<string> taken)
    {
        var stem = file == PredictCommand.StandardInput ? "stdin" : Path.GetFileNameWithoutExtension(file);
        var name = stem;
        for (var i = 2; !taken.Add(name); i++)
            name = $"{stem}-{i}";
        return name;
    }

    static int? Target(string? text, ImageClassifier model)
    {
        if (text is null)
            return null;
        var index = model.Classes.IndexOf(text);
        if (index >= 0 || (int.TryParse(text, System.Globalization.NumberStyles.None, System.Globalization.CultureInfo.InvariantCulture, out index) && index < model.Classes.Length))
            return index;
        throw CliErrors.Value(s_class.Option, text, $"one of {string.Join(", ", model.Classes)}, or 0 to {model.Classes.Length - 1}");
    }
}
