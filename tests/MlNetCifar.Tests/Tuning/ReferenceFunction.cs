using MlNetCifar.Tuning;

namespace MlNetCifar.Tests.Tuning;

/// <summary>A function whose least value is known.</summary>
sealed record ReferenceFunction(string Name, SearchSpace Space, Func<TrialSettings, double> Of, double Least)
{
    static readonly double[][] s_a = [[10, 3, 17, 3.5, 1.7, 8], [0.05, 10, 17, 0.1, 8, 14], [3, 3.5, 1.7, 10, 17, 8], [17, 8, 0.05, 10, 0.1, 14]];

    static readonly double[][] s_p =
    [
        [0.1312, 0.1696, 0.5569, 0.0124, 0.8283, 0.5886], [0.2329, 0.4135, 0.8307, 0.3736, 0.1004, 0.9991], [0.2348, 0.1451, 0.3522, 0.2883, 0.3047, 0.6650],
        [0.4047, 0.8828, 0.8732, 0.5743, 0.1091, 0.0381],
    ];

    static readonly double[] s_alpha = [1, 1.2, 3, 3.2];

    /// <summary>Branin and Hoo (1972): two dimensions, three equal minima.</summary>
    public static ReferenceFunction Branin { get; } = new("Branin", new(SearchParameter.Number("x", -5, 10), SearchParameter.Number("y", 0, 15)), s =>
    {
        var (x, y) = (s.Number("x"), s.Number("y"));
        var root = y - (5.1 / (4 * Math.PI * Math.PI) * x * x) + (5 / Math.PI * x) - 6;
        return (root * root) + (10 * (1 - (1 / (8 * Math.PI))) * Math.Cos(x)) + 10;
    }, 0.397887);

    /// <summary>Hartmann (1973): six dimensions, six local minima.</summary>
    public static ReferenceFunction Hartmann6 { get; } = new("Hartmann-6", new(Enumerable.Range(0, 6).Select(d => SearchParameter.Number($"x{d}", 0, 1))), s =>
        -Enumerable.Range(0, 4).Sum(i => s_alpha[i] * Math.Exp(-Enumerable.Range(0, 6).Sum(d => s_a[i][d] * Math.Pow(s.Number($"x{d}") - s_p[i][d], 2)))), -3.32237);

    /// <summary>A rate by ratio, a whole number, and names, as a sweep has them.</summary>
    public static ReferenceFunction Mix { get; } = new(
        "discrete mix", new(
            SearchParameter.Number("rate", 1e-5, 1, logarithmic: true), SearchParameter.Integer("width", 8, 128, logarithmic: true), SearchParameter.Choice("rule", "a", "b", "c", "d"),
            SearchParameter.Choice("schedule", "x", "y", "z")), s =>
        {
            var rule = s.Text("rule")[0] - 'a';
            var away = Math.Log10(s.Number("rate")) - (-3 + (rule == 2 ? 1 : 0));
            return (away * away) + (0.3 * Math.Pow(Math.Log2(s.Number("width") / 48), 2)) + (0.4 * Math.Abs(rule - 2)) + (s.Text("schedule") == "y" ? 0 : 0.3);
        }, 0);

    public static IReadOnlyList<ReferenceFunction> All { get; } = [Branin, Hartmann6, Mix];

    /// <summary>What a sweep is above the least value in the end.</summary>
    public double Regret(TuningAlgorithm algorithm, ulong seed, int trials) =>
        new TuningExperiment().SetSearchSpace(Space).SetTuner(algorithm, seed).SetMaxModelToExplore(trials).SetTrialRunner(s => -Of(s)).Run().Loss - Least;

    public double MedianRegret(TuningAlgorithm algorithm, int seeds, int trials)
    {
        var regrets = Enumerable.Range(0, seeds).Select(seed => Regret(algorithm, (ulong)seed, trials)).Order().ToArray();
        return (regrets[(seeds - 1) / 2] + regrets[seeds / 2]) / 2;
    }
}
