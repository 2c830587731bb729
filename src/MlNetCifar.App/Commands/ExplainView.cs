using MlNetCifar.App.Cli;
using MlNetCifar.Explain;
using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.App.Commands;

/// <summary>Prints and writes what explain found.</summary>
internal static class ExplainView
{
    public static void Print(Call call, string file, string? layer, string stem, string label, Heatmap map, (double Deletion, double Insertion)? scores)
    {
        if (!call.Json)
        {
            var measured = scores is { } s ? Invariant($", deletion {s.Deletion:0.000}, insertion {s.Insertion:0.000}") : "";
            var note = $"{(layer is null ? "" : $", layer {layer}")}{(map.Degenerate ? ", nothing speaks for it" : "")}{measured}";
            call.Terminal.Out.WriteLine(Invariant($"{file}: {label} {map.Probability:0.000}{note} -> {stem}.png"));
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

    /// <summary>The same on the page of all pictures.</summary>
    public static SheetPicture OnSheet(string file, string? layer, string stem, string label, Heatmap map, (double Deletion, double Insertion)? scores)
    {
        string[] notes =
        [
            layer is null ? "occlusion" : $"Grad-CAM, layer {layer}", map.Degenerate ? "nothing speaks for it" : "",
            scores is { } s ? Invariant($"deletion {s.Deletion:0.000}, insertion {s.Insertion:0.000}") : "",
        ];
        return new(Path.GetFileName(stem) + ".png", file, label, map.Probability, string.Join(", ", notes.Where(note => note.Length > 0)));
    }

    /// <summary>The same below the picture itself.</summary>
    public static IReadOnlyList<string> Caption(SheetPicture picture, bool isDegenerate) =>
    [
        Invariant($"{picture.Label} {100 * picture.Probability:0.0} %, {picture.Note}"), picture.Name,
        isDegenerate ? "no colours: nothing in the picture speaks for this class" : "0 (violet): nothing, 1 (yellow): what speaks most for this class; pale: not seen",
    ];

    /// <summary>Writes the page of all pictures; none where nothing was explained.</summary>
    public static void WriteSheet(Call call, ImageClassifier model, IReadOnlyList<SheetPicture> pictures, string folder)
    {
        if (pictures.Count == 0)
            return;
        var (path, network) = (Path.Combine(folder, "explained.html"), model.Network);
        ReportWriter.WriteSheet(
            path, $"{network.Name}: where it looked", Invariant($"{pictures.Count:N0} {(pictures.Count == 1 ? "picture" : "pictures")}; the network sees {network.Width}×{network.Height}"), pictures);
        call.Terminal.Log($"page     {path}");
    }

    public static void Print(Call call, string file, string layer, string path, FeatureSheet sheet)
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

    public static void Fail(Call call, string file, MlNetCifarException fault)
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

    public static void WriteMeans(Call call, ImageClassifier model, string? layer, SortedDictionary<int, MeanHeatmap> means, string folder)
    {
        foreach (var (index, mean) in means)
        {
            // A class may be called anything; its index makes the name unique where that is no file name.
            var safe = string.Concat(model.Classes[index].Select(c => char.IsLetterOrDigit(c) || c is '-' or '_' ? c : '_'));
            var stem = Path.Combine(folder, Invariant($"mean-{index}-{safe}"));
            var map = mean.ToHeatmap();
            WritePng($"{stem}.png", HeatmapOverlay.Draw(map, mean.ToPixels(), model.Network.Channels));
            LocalFileStore.Instance.Write($"{stem}.npy", stream => stream.Write(map.ToNpy()));
            Print(call, Invariant($"mean of {mean.Count:N0}"), layer, stem, model.Classes[index], map, null);
        }
    }

    public static void WritePng(string path, RgbImage image) =>
        LocalFileStore.Instance.Write(path, stream => stream.Write(image.ToPng()));
}
