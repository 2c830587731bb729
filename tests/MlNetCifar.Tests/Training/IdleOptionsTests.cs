using MlNetCifar.Training;

namespace MlNetCifar.Tests.Training;

[TestClass]
public sealed class IdleOptionsTests
{
    /// <summary>Each rule with a value of its own: idle in one plan, not in another.</summary>
    public static IEnumerable<object[]> Cases =>
    [
        Case(nameof(TrainingOptions.Epochs), new() { Epochs = 3, TimeBudget = TimeSpan.FromMinutes(1) }, new() { Epochs = 3 }),
        Case(nameof(TrainingOptions.SyncBatchNorm), new() { SyncBatchNorm = true }, new() { SyncBatchNorm = true, Slices = 2 }),
        Case(nameof(TrainingOptions.MinimumDelta), new() { MinimumDelta = 0.1 }, new() { MinimumDelta = 0.1, Patience = 2 }),
        Case(nameof(TrainingOptions.StepFactor), new() { StepFactor = 0.5f }, new() { StepFactor = 0.5f, Schedule = ScheduleKind.Step }),
        Case(nameof(TrainingOptions.BiasLearningRate), new() { BiasLearningRate = 1 }, new() { BiasLearningRate = 1, Optimizer = OptimizerKind.Muon }),
        Case(nameof(TrainingOptions.HeadLearningRate), new() { HeadLearningRate = 1 }, new() { HeadLearningRate = 1, Groups = [new("conv*") { Optimizer = OptimizerKind.Muon }] }),
        Case(nameof(TrainingOptions.MuonMomentum), new() { MuonMomentum = 0.1f }, new() { MuonMomentum = 0.1f, Optimizer = OptimizerKind.Muon }),
        Case(nameof(TrainingOptions.FrozenBiasShare), new() { FrozenBiasShare = 0.1f }, new() { FrozenBiasShare = 0.1f, Optimizer = OptimizerKind.Muon }),
        Case(nameof(TrainingOptions.Momentum), new() { Momentum = 0.1f }, new() { Momentum = 0.1f, Optimizer = OptimizerKind.Sgd }),
        Case(nameof(TrainingOptions.Nesterov), new() { Nesterov = false }, new() { Nesterov = false, Optimizer = OptimizerKind.Muon }),
        Case(nameof(TrainingOptions.Beta1), new() { Beta1 = 0.1f, Optimizer = OptimizerKind.Sgd }, new() { Beta1 = 0.1f, Optimizer = OptimizerKind.AdamW }),
        Case(nameof(TrainingOptions.Beta2), new() { Beta2 = 0.1f, Optimizer = OptimizerKind.Sgd }, new() { Beta2 = 0.1f }),
        Case(nameof(TrainingOptions.Epsilon), new() { Epsilon = 0.1f, Optimizer = OptimizerKind.Sgd }, new() { Epsilon = 0.1f }),
        Case(nameof(TrainingOptions.LookaheadSteps), new() { LookaheadSteps = 5 }, new() { LookaheadSteps = 5, EmaDecay = 0.9f }),
        Case(nameof(TrainingOptions.SwaLearningRate), new() { SwaLearningRate = 0.1f }, new() { SwaLearningRate = 0.1f, SwaStart = 0.5f }),
        Case(nameof(Augmentation.Padding), With(new() { Padding = EdgePadding.Reflect }), With(new() { Padding = EdgePadding.Reflect, Shift = 1 })),
        Case(nameof(Augmentation.CropAspect), With(new() { CropAspect = 2 }), With(new() { CropAspect = 2, CropArea = 0.5f })),
        Case(nameof(Augmentation.CropAreaMax), With(new() { CropAreaMax = 0.7f }), With(new() { CropAreaMax = 0.7f, CropArea = 0.5f })),
        .. new (string Name, Augmentation Value)[]
        {
            (nameof(Augmentation.Flip), new() { Flip = FlipMode.Random }), (nameof(Augmentation.Shift), new() { Shift = 1 }), (nameof(Augmentation.Rotation), new() { Rotation = 1 }),
            (nameof(Augmentation.Cutout), new() { Cutout = 1 }), (nameof(Augmentation.Brightness), new() { Brightness = 1 }), (nameof(Augmentation.Contrast), new() { Contrast = 1 }),
            (nameof(Augmentation.Saturation), new() { Saturation = 1 }), (nameof(Augmentation.Hue), new() { Hue = 9 }), (nameof(Augmentation.CropArea), new() { CropArea = 0.5f }),
            (nameof(Augmentation.Erasing), new() { Erasing = 1 }), (nameof(Augmentation.TrivialAugment), new() { TrivialAugment = true }),
            (nameof(Augmentation.Mixup), new() { Mixup = 1 }), (nameof(Augmentation.CutMix), new() { CutMix = 1 }),
        }.Select(change => Case(change.Name, With(change.Value) with { OverfitBatches = 1 }, With(change.Value))),
    ];

    [TestMethod]
    [DynamicData(nameof(Cases))]
    public void Find_TellsWhatHasNoEffect_AndNothingElse(string name, TrainingOptions idle, TrainingOptions effective)
    {
        var found = Find(idle, validates: true);
        Assert.HasCount(1, found);
        StringAssert.StartsWith(found[0], $"--{name} has no effect: ");
        Assert.IsEmpty(Find(effective, validates: true));
    }

    [TestMethod]
    public void Cases_AreAllRules() => CollectionAssert.AreEquivalent(
        IdleOptions.Rules.Select(rule => rule.Name).ToArray(), Cases.Select(c => (string)c[0]).Append(nameof(TrainingOptions.Patience)).ToArray());

    [TestMethod]
    public void Patience_WithoutValidation_IsTold()
    {
        Assert.IsEmpty(Find(new() { Patience = 3 }, validates: true));
        CollectionAssert.AreEqual(new[] { "--Patience has no effect: nothing is validated" }, Find(new() { Patience = 3 }, validates: false));
        var trainer = new Trainer(TinyData.Network(3), new() { Epochs = 1, Patience = 3, MinimumDelta = 0.1, Threads = 1 });
        using var result = trainer.Fit(TinyData.Balanced(3, 4));
        CollectionAssert.AreEqual(new[] { "Patience has no effect: nothing is validated" }, result.Warnings.ToArray());
    }

    [TestMethod]
    public void Recipes_HaveNoIdleOption()
    {
        foreach (var preset in Architectures.Names)
        {
            var recipe = Recipes.For(preset);
            Assert.IsEmpty(IdleOptions.Find(new(recipe, true), new(), name => name), preset);
            Assert.IsEmpty(IdleOptions.Find(new(recipe with { Optimizer = OptimizerKind.Sgd }, true), recipe, name => name), preset);
        }
    }

    static string[] Find(TrainingOptions options, bool validates) => [.. IdleOptions.Find(new(options, validates), new(), name => "--" + name)];

    static object[] Case(string name, TrainingOptions idle, TrainingOptions effective) => [name, idle, effective];

    static TrainingOptions With(Augmentation augmentation) => new() { Augmentation = augmentation };
}
