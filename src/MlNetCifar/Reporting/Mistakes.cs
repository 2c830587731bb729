using MlNetCifar.Evaluation;

namespace MlNetCifar.Reporting;

/// <summary>A wrong answer.</summary>
/// <param name="Row">Place of the image in the test data.</param>
/// <param name="Label">Index of the true class.</param>
/// <param name="Predicted">Index of the class named instead.</param>
/// <param name="Confidence">Probability the model gave to its answer.</param>
internal readonly record struct Mistake(int Row, int Label, int Predicted, double Confidence);

/// <summary>Finds the mistakes worth looking at.</summary>
internal static class Mistakes
{
    /// <summary>All mistakes, surest first; equal ones in the order of the rows.</summary>
    public static IReadOnlyList<Mistake> Of(EvaluationResult result)
    {
        if (result.Rows is not { } rows)
            return [];
        return
        [
            .. rows.Answers().Where(answer => answer.Predicted != rows.Labels[answer.Row])
                .Select(answer => new Mistake(answer.Row, rows.Labels[answer.Row], answer.Predicted, answer.Confidence))
                .OrderByDescending(mistake => mistake.Confidence).ThenBy(mistake => mistake.Row),
        ];
    }
}
