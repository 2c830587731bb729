using System.Globalization;
using System.Text;

namespace MlNetCifar.Reporting;

/// <summary>Writes <c>summary.md</c>, for the page of a CI run.</summary>
internal static class MarkdownSummary
{
    const int MostClasses = 20;

    public static string Build(ReportInput input, string dataHash, string verdict)
    {
        var result = input.Result;
        var text = new StringBuilder();
        text.Append($"## {Escape(input.Title)}\n\n{Escape(verdict)}\n\n");
        foreach (var warning in input.Warnings)
            text.Append($"> **Warning:** {Escape(warning)}\n\n");
        if (input.Gate is { } gate)
        {
            text.Append($"**Quality gate “{Escape(gate.Name)}” {(gate.Passed ? "passed" : "failed")}**\n\n");
            foreach (var finding in gate.Findings)
                text.Append($"- {(finding.Passed ? "✅" : "❌")} {Escape(finding.Name)}: {Escape(finding.Text)}\n");
            text.Append('\n');
        }

        Metrics(text, result, input.Calibration?.Uncalibrated);
        text.Append("\n| class | images | precision | recall | F1 |\n| --- | ---: | ---: | ---: | ---: |\n");
        foreach (var c in result.PerClass.Where(c => c.Support > 0).OrderBy(c => c.Recall).Take(MostClasses))
            text.Append($"| {Escape(c.Name)} | {Number(c.Support, "0")} | {Number(c.Precision)} | {Number(c.Recall)} {c.RecallInterval} | {Number(c.F1Score)} |\n");
        if (result.PerClass.Count > MostClasses)
            text.Append($"\nThe {MostClasses} classes with the lowest recall of {result.PerClass.Count}; all are in `per_class.csv`.\n");
        text.Append($"\nTest data `{dataHash}`\n");
        if (input.Command is { } command)
            text.Append($"\n```\n{command}\n```\n");
        return text.ToString();
    }

    /// <summary>The headline numbers; those without the calibration beside them where there is one.</summary>
    static void Metrics(StringBuilder text, EvaluationResult result, EvaluationResult? raw)
    {
        var before = raw?.Headline;
        text.Append($"| metric | value | interval |{(raw is null ? "" : " uncalibrated |")}\n| --- | ---: | ---: |{(raw is null ? "" : " ---: |")}\n");
        foreach (var (i, metric) in result.Headline.Index())
            text.Append($"| {metric.Name} | {Number(metric.Value)} | {metric.Interval} |{(before is null ? "" : $" {Number(before[i].Value)} |")}\n");
    }

    static string Number(double value, string format = "0.0000") => double.IsNaN(value) ? "–" : value.ToString(format, CultureInfo.InvariantCulture);

    static string Escape(string text) => text.Replace("|", "\\|").Replace("<", "&lt;").Replace('\n', ' ');
}
