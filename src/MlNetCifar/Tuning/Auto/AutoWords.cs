using MlNetCifar.Data;
using MlNetCifar.Evaluation;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tuning;

/// <summary>What an <see cref="AutoExperiment"/> found and did, in sentences.</summary>
internal static class AutoWords
{
    public static string Found(DoctorReport report)
    {
        var kinds = report.Findings.GroupBy(finding => finding.Kind).Select(group => FormattableString.Invariant($"{OptionText.Kebab(group.Key.ToString())} {group.Count():N0}")).ToArray();
        return FormattableString.Invariant($"{report.Count:N0} images in {report.Classes.Count} classes, about {report.Widths.Median}×{report.Heights.Median}; ") + (kinds.Length == 0 ? "nothing to complain about" : string.Join(", ", kinds) + " (doctor.html)");
    }

    /// <summary>What findings mean for the model and its figures.</summary>
    public static IEnumerable<string> Consequences(DoctorReport report)
    {
        int Count(params FindingKind[] kinds) => report.Findings.Count(finding => kinds.Contains(finding.Kind));
        if (Count(FindingKind.Leak, FindingKind.NearLeak) is > 0 and var leaks)
            yield return FormattableString.Invariant($"{leaks:N0} pictures lie, nearly the same, in several splits: figures on test images will be better than the model");
        if (Count(FindingKind.Contradiction) is > 0 and var twice)
            yield return FormattableString.Invariant($"{twice:N0} pictures lie in several classes: no model is right on all of them");
        if (Count(FindingKind.Imbalance) > 0)
            yield return "the classes differ much in size, and accuracy rewards the large ones: --class-weights balanced makes all count alike";
    }

    public static string Plan(AutoPlan plan)
    {
        var names = string.Join(", ", plan.Candidates.Select(candidate => $"{candidate.Name} ({Time(candidate.Seconds)} whole)"));
        var search = plan.SearchSeconds / (plan.SearchSeconds + plan.FinalSeconds);
        var epochs = plan.TrialShare < 1 ? FormattableString.Invariant($", of {plan.TrialShare:0%} of the epochs") : "";
        return FormattableString.Invariant($"{search:0%} of the time left, {Time(plan.SearchSeconds)}, for trials{epochs}; {1 - search:0%}, {Time(plan.FinalSeconds)}, for the training at the end, which takes no more; {names}");
    }

    public static string Chosen(IReadOnlyList<TrialResult> results, TrialResult? best, int images)
    {
        if (best is null)
            return FormattableString.Invariant($"None of {results.Count} trials ran to its end; the usual configuration was taken.");
        var usual = results.FirstOrDefault(result => result is { TrialSettings.TrialId: 0, State: TrialState.Completed });
        var right = FormattableString.Invariant($"{best.Metric:0.00 %} of the {images:N0} validation images");
        return best == usual
            ? FormattableString.Invariant($"The usual configuration did best of {results.Count} trials, right on {right}, and was taken.")
            : FormattableString.Invariant($"Trial {best.TrialSettings.TrialId} of {results.Count} was taken ({string.Join(", ", best.TrialSettings.Parameters.Select(pair => $"{pair.Key} {pair.Value}"))}): right on {right}, ")
                + (usual is null ? "the usual configuration did not run to its end." : FormattableString.Invariant($"the usual configuration on {usual.Metric:0.00 %}."));
    }

    /// <param name="evaluated">The figures; null for none.</param>
    /// <param name="hasTest">Whether they are of test images rather than of those that chose.</param>
    public static IEnumerable<string> Final(EvaluationResult? evaluated, bool hasTest) => evaluated is null ? [] :
        [FormattableString.Invariant($"The model is right on {evaluated.MicroAccuracy:0.00 %} of {evaluated.Count:N0} {(hasTest ? "test images, which took no part in the choice" : "images, which it was chosen by: there are no test images")} (95 % interval {100 * evaluated.MicroAccuracyInterval.Lower:0.00} … {evaluated.MicroAccuracyInterval.Upper:0.00 %}).")];

    public static IEnumerable<string> Compared(ComparisonResult? comparison) => comparison is null ? [] :
        [$"Beside the usual configuration, trained whole: {comparison.Verdict}.{(comparison.IsDistinguishable ? "" : " What the search gained cannot be told from chance.")}"];

    public static string Times(TimeSpan planned, int trials, TimeSpan search, TimeSpan final, TimeSpan spent, TimeSpan budget) =>
        FormattableString.Invariant($"Time: {Time(planned.TotalSeconds)} to read, examine and plan, {Time(search.TotalSeconds)} for {trials} trials, {Time(final.TotalSeconds)} for the training at the end; {Time(spent.TotalSeconds)} of {OptionText.Of(budget)} in all.");

    /// <summary>Seconds in whole ones.</summary>
    public static string Time(double seconds) => OptionText.Of(AutoRun.Rounded(TimeSpan.FromSeconds(seconds)));
}
