using System.Globalization;
using System.Net;
using MlNetCifar.Evaluation;

namespace MlNetCifar.Interactive;

/// <summary>How a notebook shows what the library gives. Without them it shows each as the tree of its properties.</summary>
public static class NotebookViews
{
    /// <summary>By type, which stands for those derived from it: what makes HTML of a value. The package's extension registers them.</summary>
    public static IReadOnlyList<KeyValuePair<Type, Func<object, string>>> All { get; } =
    [
        View<ImageSource>(images => HtmlFragment.Of(images)),
        View<ImageDataset>(Splits),
        View<IReadOnlyList<EpochRecord>>(history => HtmlFragment.Of(history)),
        View<TrainingResult>(result => HtmlFragment.Of(result.History, result.BestEpoch)),
        View<EvaluationResult>(HtmlFragment.Of),
        View<RgbImage>(HtmlFragment.Of),
        View<RateCurve>(curve => curve.ToSvg()),
        View<Classification>(answer => Table(answer.Predictions)),
        View<IReadOnlyList<Prediction>>(Table),
        View<ComparisonResult>(comparison => Page(comparison.ToHtml())),
        View<MultiComparison>(comparison => Page(comparison.ToHtml())),
        View<SweepResult>(sweep => Page(File.ReadAllText(sweep.Report))),
        View<ExperimentResult>(result => HtmlFragment.Of(result.Evaluation)),
    ];

    /// <summary>A whole page in a frame of its own, so that its style stays there.</summary>
    /// <param name="html">The page, for example <c>File.ReadAllText(report)</c>.</param>
    /// <param name="height">Of the frame in pixels, at least 1. The default is 640.</param>
    public static string Page(string html, int height = 640)
    {
        ArgumentNullException.ThrowIfNull(html);
        ArgumentOutOfRangeException.ThrowIfLessThan(height, 1);
        return $"<iframe srcdoc=\"{WebUtility.HtmlEncode(html)}\" style=\"width:100%;height:{height}px;border:0\"></iframe>";
    }

    static KeyValuePair<Type, Func<object, string>> View<T>(Func<T, string> html) => new(typeof(T), value => html((T)value));

    static string Splits(ImageDataset data) => string.Join('\n', Enum.GetValues<DatasetSplit>().Where(data.Has).Select(split => $"<h4>{split}</h4>\n{HtmlFragment.Of(data.Get(split), 12)}"));

    static string Table(IReadOnlyList<Prediction> predictions) => string.Concat(
        [
            "<table><thead><tr><th>class</th><th>probability</th></tr></thead><tbody>",
            .. predictions.Select(p => string.Create(CultureInfo.InvariantCulture, $"<tr><td>{WebUtility.HtmlEncode(p.Label)}</td><td>{p.Probability:0.0 %}</td></tr>")),
            "</tbody></table>",
        ]);
}
