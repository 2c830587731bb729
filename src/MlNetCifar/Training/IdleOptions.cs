using System.Collections.Immutable;

namespace MlNetCifar.Training;

/// <summary>What decides whether options have an effect.</summary>
/// <param name="Options">How it trains.</param>
/// <param name="Validates">Whether there are validation images.</param>
internal readonly record struct RunPlan(TrainingOptions Options, bool Validates)
{
    /// <summary>Whether tensors are updated by a rule.</summary>
    public bool Uses(params ReadOnlySpan<OptimizerKind> rules)
    {
        foreach (var rule in rules)
        {
            if (Options.Optimizer == rule || Options.Groups.Any(g => g.Optimizer == rule))
                return true;
        }

        return false;
    }

    /// <summary>Whether the rate of some tensors follows a schedule.</summary>
    public bool Uses(ScheduleKind schedule) => Options.Schedule == schedule || Options.Groups.Any(g => g.Schedule == schedule);
}

/// <summary>An option that another makes idle.</summary>
/// <param name="Name">Name of the property.</param>
/// <param name="Read">Its value.</param>
/// <param name="IsIdle">Whether it has no effect.</param>
/// <param name="Because">Why; {0} stands for the option that <paramref name="Other"/> names.</param>
/// <param name="Other">The option that it would take, or that is in its way; null for none.</param>
internal sealed record IdleRule(string Name, Func<TrainingOptions, object?> Read, Predicate<RunPlan> IsIdle, string Because, string? Other = null);

/// <summary>The one table of options that have no effect beside others: what was asked for and does nothing is told.</summary>
internal static class IdleOptions
{
    const string NotSgd = "no tensor is updated by sgd";
    const string NotAdam = "no tensor is updated by adam";
    const string NotMuon = "no tensor is updated by muon";

    public static ImmutableArray<IdleRule> Rules { get; } =
    [
        new(nameof(TrainingOptions.Epochs), o => o.Epochs, p => p.Options.TimeBudget is not null, "{0} decides the length of the run", nameof(TrainingOptions.TimeBudget)),
        new(nameof(TrainingOptions.SyncBatchNorm), o => o.SyncBatchNorm, p => p.Options.Slices == 1, "a batch is not cut into {0}", nameof(TrainingOptions.Slices)),
        new(nameof(TrainingOptions.Patience), o => o.Patience, p => !p.Validates, "nothing is validated"),
        new(nameof(TrainingOptions.MinimumDelta), o => o.MinimumDelta, p => p.Options.Patience is null, "it is for {0}", nameof(TrainingOptions.Patience)),
        new(nameof(TrainingOptions.StepFactor), o => o.StepFactor, p => !p.Uses(ScheduleKind.Step), "no schedule is step"),
        new(nameof(TrainingOptions.BiasLearningRate), o => o.BiasLearningRate, p => !p.Uses(OptimizerKind.Muon), NotMuon),
        new(nameof(TrainingOptions.HeadLearningRate), o => o.HeadLearningRate, p => !p.Uses(OptimizerKind.Muon), NotMuon),
        new(nameof(TrainingOptions.MuonMomentum), o => o.MuonMomentum, p => !p.Uses(OptimizerKind.Muon), NotMuon),
        new(nameof(TrainingOptions.FrozenBiasShare), o => o.FrozenBiasShare, p => !p.Uses(OptimizerKind.Muon), NotMuon),
        new(nameof(TrainingOptions.Momentum), o => o.Momentum, p => !p.Uses(OptimizerKind.Sgd, OptimizerKind.Muon), NotSgd),
        new(nameof(TrainingOptions.Nesterov), o => o.Nesterov, p => !p.Uses(OptimizerKind.Sgd, OptimizerKind.Muon), NotSgd),
        new(nameof(TrainingOptions.Beta1), o => o.Beta1, p => !p.Uses(OptimizerKind.Adam, OptimizerKind.AdamW), NotAdam),
        new(nameof(TrainingOptions.Beta2), o => o.Beta2, p => !p.Uses(OptimizerKind.Adam, OptimizerKind.AdamW), NotAdam),
        new(nameof(TrainingOptions.Epsilon), o => o.Epsilon, p => !p.Uses(OptimizerKind.Adam, OptimizerKind.AdamW), NotAdam),
        new(nameof(TrainingOptions.LookaheadSteps), o => o.LookaheadSteps, p => p.Options.EmaDecay is null, "it is for {0}", nameof(TrainingOptions.EmaDecay)),
        new(nameof(TrainingOptions.SwaLearningRate), o => o.SwaLearningRate, p => p.Options.SwaStart is null, "it is for {0}", nameof(TrainingOptions.SwaStart)),
        new(nameof(Augmentation.CropAreaMax), o => o.Augmentation.CropAreaMax, p => p.Options.Augmentation.CropArea == 0, "it is for {0}", nameof(Augmentation.CropArea)),
        new(nameof(Augmentation.CropAspect), o => o.Augmentation.CropAspect, p => p.Options.Augmentation.CropArea == 0, "it is for {0}", nameof(Augmentation.CropArea)),
        .. Changes(),
    ];

    /// <summary>What was asked for and does nothing, each in words.</summary>
    /// <param name="plan">The run.</param>
    /// <param name="recipe">Options where nothing was asked for; their values and the defaults were not asked for.</param>
    /// <param name="name">What the caller calls a property.</param>
    public static IEnumerable<string> Find(RunPlan plan, TrainingOptions recipe, Func<string, string> name)
    {
        var defaults = new TrainingOptions();
        foreach (var rule in Rules)
        {
            var value = rule.Read(plan.Options);
            if (value is not null && !Equals(value, rule.Read(recipe)) && !Equals(value, rule.Read(defaults)) && rule.IsIdle(plan))
                yield return $"{name(rule.Name)} has no effect: {string.Format(System.Globalization.CultureInfo.InvariantCulture, rule.Because, rule.Other is null ? "" : name(rule.Other))}";
        }
    }

    /// <summary>Whether a property has no effect beside the others.</summary>
    public static bool IsIdle(string property, RunPlan plan) => Rules.Any(rule => rule.Name == property && rule.IsIdle(plan));

    static IEnumerable<IdleRule> Changes()
    {
        yield return new(
            nameof(Augmentation.Padding), o => o.Augmentation.Padding, p => p.Options.Augmentation is { Shift: 0, Rotation: 0 }, "pictures are neither shifted nor rotated");
        (string Name, Func<Augmentation, object> Read)[] changes =
        [
            (nameof(Augmentation.Flip), a => a.Flip), (nameof(Augmentation.Shift), a => a.Shift), (nameof(Augmentation.Rotation), a => a.Rotation),
            (nameof(Augmentation.Cutout), a => a.Cutout), (nameof(Augmentation.Brightness), a => a.Brightness), (nameof(Augmentation.Contrast), a => a.Contrast),
            (nameof(Augmentation.Saturation), a => a.Saturation), (nameof(Augmentation.Hue), a => a.Hue), (nameof(Augmentation.CropArea), a => a.CropArea),
            (nameof(Augmentation.Erasing), a => a.Erasing), (nameof(Augmentation.TrivialAugment), a => a.TrivialAugment), (nameof(Augmentation.Mixup), a => a.Mixup),
            (nameof(Augmentation.CutMix), a => a.CutMix),
        ];
        foreach (var (name, read) in changes)
            yield return new(name, o => read(o.Augmentation), p => p.Options.OverfitBatches is not null, "{0} trains on pictures as they are", nameof(TrainingOptions.OverfitBatches));
    }
}
