namespace MlNetCifar.Experiments;

/// <summary>Which options of training had an effect, given the others.</summary>
internal static class AppliedSettings
{
    /// <summary>Whether a report shows an option.</summary>
    /// <param name="property">Name of the property, of <see cref="TrainingOptions"/> or <see cref="Augmentation"/>.</param>
    /// <param name="value">Its value.</param>
    /// <param name="options">All of them.</param>
    public static bool Applies(string property, object? value, TrainingOptions options) => value is not null && property switch
    {
        nameof(TrainingOptions.Momentum) or nameof(TrainingOptions.Nesterov) => options.Optimizer is OptimizerKind.Sgd or OptimizerKind.Muon,
        nameof(TrainingOptions.MuonMomentum) or nameof(TrainingOptions.BiasLearningRate) or nameof(TrainingOptions.HeadLearningRate) or nameof(TrainingOptions.FrozenBiasShare)
            => options.Optimizer == OptimizerKind.Muon,
        nameof(TrainingOptions.Beta1) or nameof(TrainingOptions.Beta2) or nameof(TrainingOptions.Epsilon) => options.Optimizer is OptimizerKind.Adam or OptimizerKind.AdamW,
        nameof(TrainingOptions.StepFactor) => options.Schedule == ScheduleKind.Step,
        nameof(TrainingOptions.Epochs) => options.TimeBudget is null,
        nameof(TrainingOptions.MinimumDelta) => options.Patience is not null,
        nameof(TrainingOptions.Groups) => options.Groups.Any(),
        nameof(TrainingOptions.ClassWeights) => options.ClassWeights != ClassWeighting.None,
        nameof(TrainingOptions.WeightDecay) or nameof(TrainingOptions.LabelSmoothing) => value is not 0f,
        nameof(TrainingOptions.ShuffleWindow) => value is not 0,
        nameof(Augmentation.Padding) => options.Augmentation.Shift > 0 || options.Augmentation.Rotation > 0,
        nameof(Augmentation.Flip) => options.Augmentation.Flip != FlipMode.None,
        nameof(Augmentation.Shift) or nameof(Augmentation.Cutout) or nameof(Augmentation.Rotation) or nameof(Augmentation.Brightness) or nameof(Augmentation.Contrast)
            => value is not (0 or 0f),
        _ => true,
    };
}
