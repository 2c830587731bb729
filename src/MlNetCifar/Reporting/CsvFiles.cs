using MlNetCifar.Evaluation;
using MlNetCifar.Files;
using MlNetCifar.Training;

namespace MlNetCifar.Reporting;

/// <summary>The tables beside the report.</summary>
internal static class CsvFiles
{
    public static void PerClass(TextWriter writer, EvaluationResult result)
    {
        Csv.Row(
            writer, "class", "support", "predicted", "correct", "precision", "precision_lower", "precision_upper", "recall", "recall_lower", "recall_upper",
            "f1", "log_loss", "roc_auc", "average_precision");
        foreach (var c in result.PerClass)
            Csv.Row(
                writer, Csv.Text(c.Name), Csv.Number(c.Support), Csv.Number(c.Predicted), Csv.Number(c.Correct),
                Csv.Number(c.Precision), Csv.Number(c.PrecisionInterval.Lower), Csv.Number(c.PrecisionInterval.Upper),
                Csv.Number(c.Recall), Csv.Number(c.RecallInterval.Lower), Csv.Number(c.RecallInterval.Upper),
                Csv.Number(c.F1Score), Csv.Number(c.LogLoss), Csv.Number(c.AreaUnderRocCurve), Csv.Number(c.AveragePrecision));
    }

    public static void Confusion(TextWriter writer, ConfusionMatrix matrix)
    {
        Csv.Row(writer, [Csv.Text("true\\predicted"), .. matrix.ClassNames.Select(Csv.Text)]);
        for (var row = 0; row < matrix.NumberOfClasses; row++)
            Csv.Row(
                writer, [Csv.Text(matrix.ClassNames[row]), .. Enumerable.Range(0, matrix.NumberOfClasses).Select(column => Csv.Number(matrix[row, column]))]);
    }

    public static void Roc(TextWriter writer, EvaluationResult result)
    {
        Csv.Row(writer, "class", "false_positive_rate", "true_positive_rate", "threshold");
        if (result.Curves is not { } curves)
            return;
        foreach (var curve in curves.PerClass.Append(curves.Micro))
            foreach (var point in curve.RocPoints())
                Csv.Row(writer, Csv.Text(curve.Name), Csv.Number(point.X), Csv.Number(point.Y), Csv.Number(point.Threshold));
    }

    public static void Predictions(TextWriter writer, ReportInput input)
    {
        var classes = input.Result.Classes;
        Csv.Row(writer, ["index", "name", "label", "predicted", "correct", "confidence", .. classes.Select(name => Csv.Text("p:" + name))]);
        if (input.Result.Rows is not { } rows)
            return;
        var p = new double[classes.Count];
        var cells = new string[6 + classes.Count];
        for (var row = 0; row < rows.Count; row++)
        {
            rows.CopyRow(row, p);
            var usable = rows.IsUsable(row);
            var predicted = Probabilities.ArgMax(p);
            cells[0] = Csv.Number(row);
            cells[1] = Csv.Text(input.NameOf(row));
            cells[2] = Csv.Text(classes[rows.Labels[row]]);
            cells[3] = usable ? Csv.Text(classes[predicted]) : "";
            cells[4] = usable ? (predicted == rows.Labels[row] ? "1" : "0") : "";
            cells[5] = usable ? Number(rows, p[predicted]) : "";
            for (var i = 0; i < p.Length; i++)
                cells[6 + i] = Number(rows, p[i]);
            Csv.Row(writer, cells);
        }
    }

    public static void History(TextWriter writer, IReadOnlyList<EpochRecord> history) => ResultsCsvObserver.WriteRows(writer, history);

    /// <summary>Scores were given as floats, so the shortest float text keeps all bits; only the second of two classes given as one score needs a double.</summary>
    static string Number(ScoredRows rows, double value) => rows.Width == rows.Classes || value == (float)value ? Csv.Number((float)value) : Csv.Number(value);
}
