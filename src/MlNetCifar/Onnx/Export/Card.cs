using System.Globalization;

namespace MlNetCifar.Onnx;

/// <summary>A page beside an exported file: what the model is, what it takes and gives, how it was made, and what it does not promise.</summary>
internal static class Card
{
    const int MostClasses = 20;

    /// <summary>Writes the page.</summary>
    /// <param name="writer">Markdown goes here.</param>
    /// <param name="model">What was exported.</param>
    /// <param name="options">The choices.</param>
    /// <param name="path">The exported file.</param>
    /// <param name="bytes">Its size.</param>
    public static void Write(TextWriter writer, ImageClassifier model, OnnxExportOptions options, string path, long bytes)
    {
        var spec = model.Network;
        Line($"# {Path.GetFileName(path)}");
        Line($"");
        Line($"Names which of {spec.Classes:N0} classes a picture shows: {string.Join(", ", model.Classes.Take(MostClasses))}{(spec.Classes > MostClasses ? ", …" : "")}.");
        Line($"");
        Line($"| | |");
        Line($"| --- | --- |");
        Line($"| network | {spec.Name}, {model.Weights.ParameterCount:N0} parameters, {spec.Flops / 1e6:N1} million operations a picture |");
        Line($"| file | {bytes:N0} bytes, ONNX opset {options.Version}, weights as {options.Weights.ToString().ToLowerInvariant()} |");
        Line($"| licence | {(options.License.Length > 0 ? options.License : "not stated")} |");
        Line($"| input | {Input(spec, options.Input)} |");
        Line($"| outputs | `logits` and `probabilities` [N, {spec.Classes}], `label` [N], the name of the most probable class |");
        Line($"| preprocessing | `{model.Preprocess.ToJson()}` |");
        Line($"| its SHA-256 | `{model.Preprocess.Hash()}` |");
        Line($"| scaling, part of the graph{(options.Input == OnnxInput.Normalized ? ": no, the caller's" : "")} | (pixel ÷ 255 − mean) ÷ deviation; mean {Numbers(model.Normalization.Mean)}, deviation {Numbers(model.Normalization.Std)}{(model.Normalization.MeanImage is null ? "" : "; the graph goes on from the mean of each channel to a mean image")} |");
        Line($"| training | {Training(model)} |");
        Line($"| calibration | {Calibration(model)} |");
        Line($"| SHA-256 of the weights before export | `{model.WeightsSha256}` |");
        Line($"| proof | {(options.Proof is { Count: > 0 } pictures ? $"{Math.Min(pictures.Count, ModelProof.MostPictures)} pictures with their logits lie in the file: `mlnetcifar check {Path.GetFileName(path)}`" : "none")} |");
        Line($"");
        Line($"Its answers are as good as the pictures it was trained on are like yours. It always names one of its classes, also of a picture that shows none of them.");

        void Line(FormattableString text) => writer.WriteLine(text.ToString(CultureInfo.InvariantCulture));
    }

    static string Input(NetworkSpec spec, OnnxInput kind) => kind switch
    {
        OnnxInput.Pixels => $"`pixels`, bytes [N, {spec.Height}, {spec.Width}, {spec.Channels}] from 0 to 255, red first, prepared as below",
        OnnxInput.Pictures => "`picture_pixels`, bytes [1, height, width, 3] from 0 to 255, red first, one picture of any size, upright",
        _ => $"`input`, floats [N, {spec.Channels}, {spec.Height}, {spec.Width}], red first, prepared and scaled as below",
    };

    static string Training(ImageClassifier model) => model.History switch
    {
        [] => "not recorded",
        var history when history[Math.Clamp(model.BestEpoch, 1, history.Count) - 1] is { ValidationAccuracy: { } accuracy } =>
            string.Create(CultureInfo.InvariantCulture, $"{history.Count} epochs; weights of epoch {model.BestEpoch}, accuracy {accuracy:0.0000} on the validation images"),
        var history => string.Create(CultureInfo.InvariantCulture, $"{history.Count} epochs, no validation images"),
    };

    static string Calibration(ImageClassifier model) => model.Calibration is { } calibration
        ? string.Create(CultureInfo.InvariantCulture, $"logits are divided by the temperature {calibration.Temperature:0.###} before the softmax{(calibration.Views > 1 ? $", fitted on {calibration.Views} views of each picture, of which the graph sees one" : "")}")
        : "none: probabilities are the network's own";

    static string Numbers(IEnumerable<float> numbers) => string.Join(", ", numbers.Select(n => n.ToString("0.####", CultureInfo.InvariantCulture)));
}
