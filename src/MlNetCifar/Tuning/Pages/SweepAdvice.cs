namespace MlNetCifar.Tuning;

/// <summary>What to try next, by the trials. Each rule says nothing unless they carry it.</summary>
internal static class SweepAdvice
{
    const double Edge = 0.05;
    const double Idle = 0.02;
    const double ManyFailed = 0.2;
    const int BestCount = 5;

    public static IReadOnlyList<string> Of(SearchSpace space, IReadOnlyList<TrialResult> results, TrialResult best, FinalFigures? finals)
    {
        List<string> steps = [];
        var top = results.Where(r => r.State == TrialState.Completed).OrderBy(r => r.Loss).Take(BestCount).Select(r => space.PointOf(r.TrialSettings.Parameters)).ToArray();
        for (var d = 0; d < space.Parameters.Length; d++)
        {
            var parameter = space.Parameters[d];
            if (parameter.IsChoice || top.Length < BestCount)
                continue;
            if (top.Count(point => point[d] < Edge) > BestCount / 2)
                steps.Add($"The best trials lie at the lower end of {parameter}: let it begin lower.");
            else if (top.Count(point => point[d] > 1 - Edge) > BestCount / 2)
                steps.Add($"The best trials lie at the upper end of {parameter}: let it end higher.");
        }

        if (ParameterImportance.Of(space, results, 0) is { } shares && space.Parameters.Length > 1)
        {
            string[] idle = [.. space.Parameters.Where((_, d) => shares[d] < Idle).Select(p => p.Name)];
            if (idle.Length > 0)
                steps.Add($"{string.Join(", ", idle)} made no difference here: leave {(idle.Length == 1 ? "it" : "them")} out, and the same trials search the rest more closely.");
        }

        var failed = results.Count(r => r.State == TrialState.Failed);
        if (failed > ManyFailed * results.Count)
            steps.Add(FormattableString.Invariant($"{failed} of {results.Count} trials failed: narrow the space to where they do not; the table says why each did."));
        if (best.Curve.Length > 2 && best.Curve[^1] >= best.Curve.Max())
            steps.Add("The best trial was still getting better in its last epoch: give more --epochs.");
        if (finals is { Comparison.IsDistinguishable: false })
            steps.Add("The gain over the options as they stand cannot be told from chance: more test images, or --final-seeds 3, tell smaller gains.");
        return steps;
    }
}
