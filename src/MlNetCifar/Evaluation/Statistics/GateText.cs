using System.Globalization;
using System.Text;

namespace MlNetCifar.Evaluation;

/// <summary>The text of an outcome, as a failing test shows it.</summary>
internal static class GateText
{
    const int Worst = 3;

    public static string Of(string name, IReadOnlyList<GateFinding> findings, RunData run)
    {
        var failed = findings.Count(finding => !finding.Passed);
        var text = new StringBuilder();
        text.Append(failed == 0
            ? Invariant($"Quality gate '{name}' passed: {findings.Count} of {findings.Count} conditions hold.\n")
            : Invariant($"Quality gate '{name}' failed: {failed} of {findings.Count} conditions {(failed == 1 ? "does" : "do")} not hold.\n"));
        foreach (var finding in findings.OrderBy(finding => finding.Passed))
            text.Append(Invariant($"  {(finding.Passed ? "passed" : "FAILED")}  {finding.Name}: {finding.Text}\n"));
        if (failed > 0)
            text.Append(Invariant($"Worst classes: {WorstClasses(run.Result)}.\n"));
        foreach (var warning in run.Result.Warnings)
            text.Append(Invariant($"Warning: {warning}\n"));
        if (run.Folder is { } folder)
            text.Append(Invariant($"Report: {Path.Combine(folder, "report.html")}\n"));
        return text.ToString();
    }

    static string WorstClasses(EvaluationResult result) => string.Join("; ", result.PerClass
        .Select((c, label) => (Class: c, Label: label))
        .Where(pair => pair.Class.Support > 0)
        .OrderBy(pair => pair.Class.Recall)
        .Take(Worst)
        .Select(pair =>
        {
            var confused = result.ConfusionMatrix.MostConfused(int.MaxValue).FirstOrDefault(c => c.Actual == pair.Label);
            var taken = confused.Count == 0 ? "" : Invariant($", {confused.Count} taken for {result.Classes[confused.Predicted]}");
            return Invariant($"{pair.Class.Name} (recall {pair.Class.Recall:0.000} of {pair.Class.Support}{taken})");
        }));

    static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
