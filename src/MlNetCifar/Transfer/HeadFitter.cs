using MlNetCifar.Numerics;
using Choice = (double Penalty, double? Loss, double? Accuracy);
using Part = (int[] Learnt, int[] HeldOut);

namespace MlNetCifar.Transfer;

/// <summary>A dense layer that was fitted.</summary>
/// <param name="Matrix">[D, K], for features as they are.</param>
/// <param name="Bias">[K].</param>
/// <param name="Penalty">λ.</param>
/// <param name="Loss">Mean loss on the pictures learnt.</param>
/// <param name="Accuracy">Accuracy on them.</param>
internal sealed record FittedHead(float[] Matrix, float[] Bias, double Penalty, double Loss, double Accuracy)
{
    /// <summary>The mean loss on pictures that were held out; null where none were.</summary>
    public double? HeldOutLoss { get; init; }

    /// <summary>The accuracy on them.</summary>
    public double? HeldOutAccuracy { get; init; }

    /// <summary>What was held out, in words.</summary>
    public string HeldOut { get; init; } = "nothing";
}

/// <summary>
/// Fits the head: multinomial logistic regression with an L2 penalty. The penalty is the one with the least loss on pictures held out: the validation pictures where they are
/// enough to tell, else five folds of the training pictures. From strong penalties to weak ones, each starting where the last ended.
/// </summary>
internal sealed class HeadFitter(TransferOptions options, CancellationToken cancellation)
{
    /// <summary>Fewer validation pictures say less than folds of the training pictures do.</summary>
    const int EnoughValidation = 200;

    /// <summary>More training pictures are told well enough by a sample, as far as the penalty goes.</summary>
    const int MostFolded = 20_000;

    const int Folds = 5;
    const int SearchSteps = 60;
    const int MostSteps = 300;
    const double SearchTolerance = 1e-4;
    const double Tolerance = 1e-6;

    /// <summary>The penalty where no class has a picture to hold out.</summary>
    const double Fallback = 0.1;

    static readonly double[] s_penalties = [10, 3, 1, 0.3, 0.1, 0.03, 0.01, 3e-3, 1e-3, 3e-4, 1e-4, 3e-5, 1e-5];

    /// <summary>Fits.</summary>
    /// <param name="train">Learnt.</param>
    /// <param name="validation">Held out; null for none.</param>
    public FittedHead Fit(FeatureRows train, FeatureRows? validation)
    {
        int[] all = [.. Enumerable.Range(0, train.Labels.Length)];
        var (rows, parts, words) = HoldOut(train, validation);
        using var search = new HeadObjective(rows, options, cancellation);
        Choice choice = options.Penalty is { } given
            ? parts.Count == 0 ? (given, null, null) : Search(search, rows, parts, [given])
            : parts.Count == 0 ? (Fallback, null, null) : Search(search, rows, parts, s_penalties);
        using var own = ReferenceEquals(rows, train) ? null : new HeadObjective(train, options, cancellation);
        return Final(own ?? search, train, all, choice) with { HeldOutLoss = choice.Loss, HeldOutAccuracy = choice.Accuracy, HeldOut = words };
    }

    /// <summary>What is said of each picture by a head that has not learnt it: five heads, each fitted without a fifth of every class, with the penalty that does best.</summary>
    /// <param name="rows">Two pictures of each class at least.</param>
    /// <returns>Probabilities, [N, K].</returns>
    public float[] CrossValidate(FeatureRows rows)
    {
        using var objective = new HeadObjective(rows, options, cancellation);
        var parts = Folded(rows, int.MaxValue);
        var choice = Search(objective, rows, parts, s_penalties);
        var probabilities = new float[rows.Labels.Length * rows.Classes];
        foreach (var part in parts)
        {
            var (scaling, point) = (FeatureScaling.Of(rows, part.Learnt), new double[objective.Length]);
            Lbfgs.Minimize(objective.Loss(part.Learnt, scaling, choice.Penalty), point, MostSteps, Tolerance);
            objective.Score(point, part.HeldOut, scaling, probabilities);
        }

        return probabilities;
    }

    /// <summary>The pictures, and which of them are learnt and held out in turn.</summary>
    (FeatureRows Rows, IReadOnlyList<Part> Parts, string Words) HoldOut(FeatureRows train, FeatureRows? validation)
    {
        if (validation is not null && validation.Labels.Length >= EnoughValidation)
            return (
                Join(train, validation), [new([.. Enumerable.Range(0, train.Labels.Length)], [.. Enumerable.Range(train.Labels.Length, validation.Labels.Length)])],
                FormattableString.Invariant($"{validation.Labels.Length:N0} validation images"));
        return Folded(train, MostFolded) is { Length: > 0 } parts ? (train, parts, "five folds of the training images") : (train, [], "nothing");
    }

    /// <summary>Five parts of each class, each held out in turn. The only picture of a class is learnt always, and there are no parts where every class has one.</summary>
    Part[] Folded(FeatureRows rows, int most)
    {
        const int Always = Folds;
        var folds = new int[rows.Labels.Length];
        Array.Fill(folds, -1);
        for (var label = 0; label < rows.Classes; label++)
        {
            int[] members = [.. Enumerable.Range(0, folds.Length).Where(i => rows.Labels[i] == label)];
            if (members.Length == 1)
                folds[members[0]] = Always;
            if (members.Length < 2)
                continue;
            new SplitRandom(options.Seed, RandomPurpose.Split, 1, (ulong)label).Shuffle<int>(members);
            var used = (int)Math.Ceiling(Math.Min(1, (double)most / folds.Length) * members.Length);
            for (var i = 0; i < used; i++)
                folds[members[i]] = i % Folds;
        }

        return [.. Enumerable.Range(0, Folds).Select(f => (Part)(Where(x => x >= 0 && x != f), Where(x => x == f))).Where(p => p.HeldOut.Length > 0)];

        int[] Where(Func<int, bool> isIn) => [.. Enumerable.Range(0, folds.Length).Where(i => isIn(folds[i]))];
    }

    static Choice Search(HeadObjective objective, FeatureRows rows, IReadOnlyList<Part> parts, double[] penalties)
    {
        FeatureScaling[] scalings = [.. parts.Select(part => FeatureScaling.Of(rows, part.Learnt))];
        double[][] points = [.. parts.Select(_ => new double[objective.Length])];
        var total = (double)parts.Sum(part => part.HeldOut.Length);
        Choice? best = null;
        var worse = 0;
        foreach (var penalty in penalties)
        {
            var (loss, right) = (0.0, 0.0);
            for (var i = 0; i < parts.Count; i++)
            {
                Lbfgs.Minimize(objective.Loss(parts[i].Learnt, scalings[i], penalty), points[i], SearchSteps, SearchTolerance);
                loss += parts[i].HeldOut.Length / total * objective.Measure(points[i], parts[i].HeldOut, scalings[i], out var accuracy);
                right += parts[i].HeldOut.Length / total * accuracy;
            }

            worse = best is null || loss < best.Value.Loss ? 0 : worse + 1;
            if (worse == 0)
                best = (penalty, loss, right);

            // The loss has one valley.
            if (worse == 2)
                break;
        }

        return best!.Value;
    }

    FittedHead Final(HeadObjective objective, FeatureRows train, int[] pictures, Choice choice)
    {
        var scaling = FeatureScaling.Of(train, pictures);
        var point = new double[objective.Length];
        Lbfgs.Minimize(objective.Loss(pictures, scaling, choice.Penalty), point, MostSteps, Tolerance);
        var loss = objective.Measure(point, pictures, scaling, out var accuracy);
        var (matrix, bias) = Unscaled(point, scaling, train.Length, train.Classes);
        return new FittedHead(matrix, bias, choice.Penalty, loss, accuracy);
    }

    /// <summary>The layer for features that are not scaled: y = Σ (x − μ)·s·w + b.</summary>
    static (float[] Matrix, float[] Bias) Unscaled(double[] point, FeatureScaling scaling, int features, int classes)
    {
        var (matrix, bias) = (new float[features * classes], new double[classes]);
        for (var k = 0; k < classes; k++)
            bias[k] = point[(features * classes) + k];
        for (var j = 0; j < features; j++)
            for (var k = 0; k < classes; k++)
            {
                var weight = point[(j * classes) + k] * scaling.Scale[j];
                matrix[(j * classes) + k] = (float)weight;
                bias[k] -= weight * scaling.Mean[j];
            }

        return (matrix, [.. bias.Select(value => (float)value)]);
    }

    /// <summary>One table of both; where the training pictures are mirrored too, the others stand in for their own mirror images, which are never read.</summary>
    static FeatureRows Join(FeatureRows first, FeatureRows second) => new(
        [.. first.Views.Select(view => (float[])[.. view, .. second.Views[0]])], [.. first.Labels, .. second.Labels], first.Classes);
}
