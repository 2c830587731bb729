using System.Globalization;
using MlNetCifar.Evaluation;
using MlNetCifar.Reporting;

namespace MlNetCifar.Experiments;

/// <summary>What to try next, by the figures of a run. Each rule says nothing unless the figures carry it.</summary>
internal sealed record NextSteps
{
    /// <summary>More are not read.</summary>
    const int Most = 3;

    /// <summary>Pictures so many times as large as the input lose details in it.</summary>
    const double TooSmall = 2.5;

    /// <summary>Below this accuracy something is left to gain from details or from longer training.</summary>
    const double Good = 0.95;

    /// <summary>Training images known better than others by so much have been learned by heart.</summary>
    const double LargeGap = 0.10;

    /// <summary>Training images known no better than this are not learned out.</summary>
    const double SmallGap = 0.05;

    /// <summary>Classes that differ by this factor are unbalanced.</summary>
    const double Unbalanced = 3;

    /// <summary>Fewer surest mistakes are chance, and weaker networks are wrong where they are sure.</summary>
    const int FewestMislabelled = 3;

    const double Reliable = 0.75;

    /// <summary>The figures on images that were not trained on.</summary>
    public required EvaluationResult Result { get; init; }

    /// <summary>The epochs; empty where nothing was trained.</summary>
    public IReadOnlyList<EpochRecord> History { get; init; } = [];

    /// <summary>How it was trained; null where it was not.</summary>
    public TrainingOptions? Options { get; init; }

    /// <summary>What was trained.</summary>
    public required NetworkSpec Network { get; init; }

    /// <summary>Median size of the pictures in their files; null where that is not known.</summary>
    public ImageSize? Pictures { get; init; }

    /// <summary>Training images of each class; empty where nothing was trained.</summary>
    public IReadOnlyList<int> Counts { get; init; } = [];

    /// <summary>Validation images; 0 for none.</summary>
    public int Validated { get; init; }

    /// <summary>The weightiest steps, at most three.</summary>
    public IReadOnlyList<NextStep> Find()
    {
        if (Result.Rows is null || Result.Count == 0 || Options?.OverfitBatches is not null)
            return [];
        NextStep?[] found = Options is null ? [Chance(), Mislabelled(), FewImages()] : [Balance() ?? Chance(), Size(), Overfitted(), Undertrained(), Mislabelled(), FewImages()];
        return [.. found.OfType<NextStep>().Take(Most)];
    }

    double Accuracy => Result.MicroAccuracy;

    NextStep? Chance()
    {
        var largest = (double)Result.ConfusionMatrix.ActualCounts.Max() / Result.Count;

        // Where all images are of one class, no answers are better.
        return largest == 1 || Result.MicroAccuracyInterval.Lower > largest ? null
            : new("The answers are no better than always naming the largest class", "examine labels and pictures with 'doctor data'; --overfit-batches 1 shows whether the network can learn them at all");
    }

    NextStep? Size()
    {
        if (Pictures is not { } size || Accuracy >= Good)
            return null;
        var (side, input) = (Math.Min(size.Width, size.Height), Math.Min(Network.Width, Network.Height));
        if (side < TooSmall * input)
            return null;
        var larger = Math.Min(2 * input, side);
        return new($"The pictures are {size.Width}×{size.Height}, and the network sees {Network.Width}×{Network.Height} of them", $"--size {larger}");
    }

    NextStep? Balance()
    {
        if (Counts.Count == 0 || Options!.ClassWeights != ClassWeighting.None)
            return null;
        var smallest = Enumerable.Range(0, Counts.Count).Where(i => Counts[i] > 0).MinBy(i => Counts[i]);
        var recall = Result.PerClass[smallest];
        return Counts.Max() < Unbalanced * Counts[smallest] || recall.Support == 0 || recall.RecallInterval.Upper >= Accuracy
            ? null
            : new(
                Text($"'{recall.Name}' has {Counts[smallest]:#,0} training images where others have up to {Counts.Max():#,0}, and {recall.Recall:0 %} of its images are found"),
                "--class-weights balanced, or more pictures of it");
    }

    NextStep? Overfitted()
    {
        if (Gap() is not { } gap || gap <= Math.Max(LargeGap, Noise()))
            return null;
        var known = Text($"The network knows its training images better than others ({History[^1].TrainAccuracy:0 %} and {History[^1].ValidationAccuracy:0 %} right)");
        return new(known, Options!.Augmentation == Augmentation.None ? "--augment standard, or more pictures" : "more pictures; --patience 5 ends training when nothing is gained");
    }

    NextStep? Undertrained()
    {
        if (Gap() is not { } gap || gap >= SmallGap || Accuracy >= Good)
            return null;
        var best = History.MinBy(epoch => epoch.ValidationLoss ?? double.MaxValue)!.Epoch;
        if (best <= 0.9 * History.Count)
            return null;
        var longer = Options!.TimeBudget is { } budget ? $"--time-budget {OptionText.Of(2 * budget)}" : Text($"--epochs {2 * History.Count}");
        return new("The network was still getting better when training ended", $"{longer}{(Network.Name is "seed-cnn" or "cats-dogs-cnn" or "elephas-mlp" ? ", or a larger network: --preset advanced-cnn" : "")}");
    }

    /// <summary>
    /// The surer the answers, the fewer are wrong, unless labels are: those are as wrong among the surest as among others. So the surest tenth is compared with the
    /// next one.
    /// </summary>
    NextStep? Mislabelled()
    {
        var tenth = Result.Rows!.Count / 10;
        var answers = SurestFirst();
        var (surest, next) = (answers.Take(tenth).Count(right => !right), answers.Skip(tenth).Take(tenth).Count(right => !right));
        return surest < FewestMislabelled || Accuracy < Reliable || 2 * surest < next || surest > 0.4 * tenth ? null
            : new(Text($"{surest} of the {tenth:#,0} surest answers are wrong, about as many as among less sure ones, which points at wrong labels"), "look at the surest mistakes in the report");
    }

    NextStep? FewImages()
    {
        var half = (Result.MicroAccuracyInterval.Upper - Result.MicroAccuracyInterval.Lower) / 2;
        return half < 0.05 ? null
            : new(Text($"{Result.Count:#,0} images tell the accuracy to ±{100 * half:0} points only"), "evaluate on more pictures before comparing with other runs");
    }

    /// <summary>How much better training images are known than those of validation, in the last epoch; null where that is not known.</summary>
    double? Gap() => History is [.., { ValidationAccuracy: { } validation } last] ? last.TrainAccuracy - validation : null;

    /// <summary>What the validation accuracy may be off by chance: two standard errors.</summary>
    double Noise() => History[^1].ValidationAccuracy is { } p && Validated > 0 ? 2 * Math.Sqrt(Math.Max(p * (1 - p), 0.01) / Validated) : 1;

    /// <summary>Whether the answers are right, surest first.</summary>
    bool[] SurestFirst() =>
        [.. Result.Rows!.Answers().OrderByDescending(answer => answer.Confidence).Select(answer => answer.Predicted == Result.Rows.Labels[answer.Row])];

    static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
