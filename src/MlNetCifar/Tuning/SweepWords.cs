namespace MlNetCifar.Tuning;

/// <summary>What a sweep found, in sentences that promise no more than the figures hold.</summary>
internal static class SweepWords
{
    public static IReadOnlyList<string> Of(
        IReadOnlyList<TrialResult> results, TrialResult best, SelectionBias? bias, FinalFigures? finals, bool isCancelled, bool hasTime, bool hasTest, int seeds)
    {
        int Count(TrialState state) => results.Count(result => result.State == state);
        List<string> words =
        [
            FormattableString.Invariant($"{results.Count:N0} trials: {Count(TrialState.Completed)} ran to their end, {Count(TrialState.Pruned)} ended early, {Count(TrialState.Failed)} failed. ")
            + FormattableString.Invariant($"Trial {best.TrialSettings.TrialId} is right on {best.Metric:0.00 %} of the validation images."),
        ];
        words.Add(Luck(results, bias));
        words.Add(finals is null ? Missing(isCancelled, hasTime, hasTest, seeds) : Final(finals));
        return words;
    }

    /// <summary>How much of the best trial's accuracy is the luck of having been picked.</summary>
    public static string Luck(IReadOnlyList<TrialResult> results, SelectionBias? bias) => bias is null
        ? "How much of that is the luck of having been picked cannot be told: that takes two trials that ran to their end, and two validation images."
        : FormattableString.Invariant($"It was picked among {bias.Trials} trials on {bias.Images:N0} images, and the picked one is flattered: by {100 * bias.Luck:0.00} percentage points on average ")
            + FormattableString.Invariant($"(bootstrap over images, 95 % of resamples {100 * bias.Range.Lower:0.00} … {100 * bias.Range.Upper:0.00}). On new images expect {bias.Corrected:0.00 %}. ")
            + FormattableString.Invariant($"In {bias.Share:0 %} of the resamples the same trial was picked. A trial's figure is that of its best epoch by the same images, which flatters all of them.")
            + (results.Any(result => result.State == TrialState.Pruned) ? " Trials that were ended early, by the same images, are not among those counted here." : "");

    /// <summary>What is there to choose from.</summary>
    public static string Front(IReadOnlyList<TrialResult> results, CostKind kind)
    {
        var front = ParetoFront.Of(results, kind);
        return front.Count == 0 ? "No trial that ran to its end has a cost." : "Not beaten in both accuracy and cost: "
            + string.Join("; ", front.Select(r => FormattableString.Invariant($"trial {r.TrialSettings.TrialId}, {r.Metric:0.00 %} with {Cost(r.Cost!)}"))) + ".";

        string Cost(TrialCost cost) => kind switch
        {
            CostKind.Parameters => FormattableString.Invariant($"{cost.Parameters:N0} parameters"),
            CostKind.Memory => Experiments.OptionText.OfBytes(cost.Memory),
            _ => FormattableString.Invariant($"{cost.Milliseconds:0.000} ms a picture"),
        };
    }

    static string Missing(bool isCancelled, bool hasTime, bool hasTest, int seeds) =>
        isCancelled ? "The sweep was interrupted; the best was not trained again, and no test image was looked at. --resume goes on."
        : !hasTest ? "There are no test images, so nothing says how the best does on images that took no part in the choice."
        : seeds == 0 ? "The best was not trained again, as asked (--final-seeds 0), and no test image was looked at."
        : !hasTime ? "The time budget left none to train the best again, and no test image was looked at. --resume with a longer --time-budget does it."
        : "The best was not measured on the test images.";

    static string Final(FinalFigures finals)
    {
        var text = finals.Best.Count == 1
            ? FormattableString.Invariant($"Trained again on training and validation images with another seed it is right on {finals.Best[0]:0.00 %} of the {finals.Images:N0} test images ")
                + FormattableString.Invariant($"(95 % interval {100 * finals.Interval.Lower:0.00} … {finals.Interval.Upper:0.00 %}), which no trial saw; the options as they stand on {finals.Default[0]:0.00 %}. ")
            : FormattableString.Invariant($"Trained again on training and validation images with {finals.Best.Count} other seeds it is right on {finals.Best.Average():0.00 %} of the {finals.Images:N0} test images ")
                + FormattableString.Invariant($"({finals.Best.Min():0.00 %} … {finals.Best.Max():0.00 %}), which no trial saw; the options as they stand on {finals.Default.Average():0.00 %} ")
                + FormattableString.Invariant($"({finals.Default.Min():0.00 %} … {finals.Default.Max():0.00 %}). ");
        return $"{text}With the first seed: {finals.Comparison.Verdict}.{(finals.Comparison.IsDistinguishable ? "" : " What the search gained cannot be told from chance.")}";
    }
}
