using System.Text;
using MlNetCifar.App.Cli;
using MlNetCifar.Evaluation;
using MlNetCifar.Files;

namespace MlNetCifar.App.Commands;

/// <summary>Says whether a run is better than another, or whether that is chance.</summary>
internal sealed class CompareCommand() : Verb("compare", "Compare runs on the same test images and say whether one is better or the difference is chance.")
{
    static readonly OptionDescription<double> s_significance = OptionDescription.Of(
        "significance", "P", "Level below which a p-value counts as a difference", OptionText.Fraction, 0.05);
    static readonly OptionDescription<int> s_resamples = OptionDescription.Of("resamples", "N", "Paired bootstrap resamples; 0 for none", OptionText.Int, 2000);

    static readonly OptionDescription<string?> s_html = OptionDescription.Text("html", "FILE", "Also write the comparison as one self-contained HTML page");

    public override string Arguments => "RUN RUN...";

    public override string ArgumentsHelp => "Run folders of train, evaluate or quickstart; the first is the baseline";

    public override (int Least, int Most) ArgumentCount => (2, 100);

    protected override IEnumerable<OptionDescription> OwnOptions => [s_significance, s_resamples, s_html];

    public override IReadOnlyList<string> Examples => ["runs/train/seed-cnn runs/train/seed-cnn2", "--html compared.html runs/train/*"];

    public override int Run(Call call)
    {
        if (call.Get(s_html) is { } page)
            OutputFile.Format(s_html, page, "the page", ".html", ".htm");
        var runs = call.Arguments.Select(folder => RunData.Load(folder)).ToList();
        var options = new ComparisonOptions { Significance = call.Get(s_significance), BootstrapResamples = Math.Max(0, call.Get(s_resamples)) };
        if (runs.Count == 2)
        {
            var result = RunComparison.Compare(runs[0], runs[1], options);
            Save(call, () => result.ToHtml());
            Print(call, result);
        }
        else
        {
            var result = RunComparison.Compare(runs, options);
            Save(call, () => result.ToHtml());
            Print(call, result);
        }

        return ExitCodes.Ok;
    }

    static void Save(Call call, Func<string> html)
    {
        if (call.Get(s_html) is not { } path)
            return;
        LocalFileStore.Instance.Write(path, stream => stream.Write(Encoding.UTF8.GetBytes(html())));
        call.Terminal.Log($"page     {path}");
    }

    static void Print(Call call, ComparisonResult result)
    {
        if (call.Json)
            Write(call, result, result.McNemarP);
        else
            call.Terminal.Out.Write(result.ToText());
    }

    static void Print(Call call, MultiComparison result)
    {
        if (!call.Json)
        {
            call.Terminal.Out.Write(result.ToText());
            return;
        }

        foreach (var (pair, p) in result.Pairs.Zip(result.AdjustedP))
            Write(call, pair, p);
    }

    static void Write(Call call, ComparisonResult result, double p) => JsonLine.Write(call.Terminal.Out, json =>
    {
        json.WriteString("a", result.NameA);
        json.WriteString("b", result.NameB);
        json.WriteString("verdict", result.Verdict);
        json.WriteNumber("images", result.Count);
        json.WriteNumber("onlyARight", result.OnlyARight);
        json.WriteNumber("onlyBRight", result.OnlyBRight);
        JsonLine.Number(json, "p", p);
        json.WriteBoolean("distinguishable", p < result.Significance);
        json.WriteStartObject("metrics");
        foreach (var metric in result.Metrics)
        {
            json.WriteStartObject(metric.Key);
            JsonLine.Number(json, "a", metric.A);
            JsonLine.Number(json, "b", metric.B);
            JsonLine.Number(json, "p", metric.P);
            json.WriteEndObject();
        }

        json.WriteEndObject();
    });
}
