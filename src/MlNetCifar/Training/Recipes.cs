using MlNetCifar.Nn;
using MlNetCifar.Training;

namespace MlNetCifar;

/// <summary>Training options that suit the presets of <see cref="MlNetCifar.Architectures"/>.</summary>
public static class Recipes
{
    /// <summary>Stands for a trained backbone that is trained further with a head for other classes.</summary>
    internal const string FineTuning = "fine-tuning";

    /// <summary>Defaults of one preset.</summary>
    /// <param name="preset">Name of the preset; another name gets the general defaults.</param>
    /// <param name="side">The images' smaller side in pixels; scales the shifts of the augmentation.</param>
    public static TrainingOptions For(string preset, int side = 32) => preset switch
    {
        "seed-cnn" => new() { Epochs = 25, Augmentation = Augmentation.Standard(side) },
        "cats-dogs-cnn" or "elephas-mlp" => new() { Epochs = 30, BatchSize = 32, Augmentation = Augmentation.Standard(side) },
        "advanced-cnn" => new()
        {
            Epochs = 30, BatchSize = 128, Optimizer = OptimizerKind.AdamW, LearningRate = 4e-3f, WeightDecay = 0.05f, Schedule = ScheduleKind.OneCycle,
            LabelSmoothing = 0.05f,
            Augmentation = Augmentation.Standard(side),
        },
        "resnet9" => new()
        {
            Epochs = 24, BatchSize = 512, Optimizer = OptimizerKind.Sgd, LearningRate = 0.4f, WeightDecay = 5e-4f, Schedule = ScheduleKind.OneCycle, Warmup = 0.2f,
            LabelSmoothing = 0.1f, Augmentation = Augmentation.Standard(side) with { Cutout = side / 4 },
        },
        "airbench94" => Airbench94,
        "airbench96" => Airbench96,
        "resnet18" or "resnet34" => Resnet(side),
        FineTuning => new()
        {
            Epochs = 8, BatchSize = 32, Optimizer = OptimizerKind.AdamW, LearningRate = 1e-4f, WeightDecay = 0.01f, Warmup = 0.1f, Patience = 5,
            Augmentation = Augmentation.Photographs with { CropArea = 0.5f },
        },
        _ => new() { Augmentation = Augmentation.Standard(side) },
    };

    /// <summary>Large pictures come in batches of 32, so that a step fits into memory; the rate follows the batch.</summary>
    static TrainingOptions Resnet(int side)
    {
        var batch = side > 64 ? 32 : 128;
        return new()
        {
            Epochs = 30, BatchSize = batch, Optimizer = OptimizerKind.Sgd, LearningRate = 0.1f * batch / 128, WeightDecay = 5e-4f, Schedule = ScheduleKind.OneCycle, Warmup = 0.2f,
            LabelSmoothing = 0.1f, Augmentation = Augmentation.Standard(side),
        };
    }

    /// <summary>
    /// The airbench94 recipe (Jordan 2024): 8 epochs in batches of 2,000, Muon for filters, SGD for the rest, label smoothing 0.2, alternating flip, shifts of two pixels.
    /// The published rates of biases and head (0.053 and 0.67) are for the sum over the batch; here they are for its mean, so 2,000 times as large.
    /// </summary>
    static TrainingOptions Airbench94 => new()
    {
        Epochs = 8,
        BatchSize = 2000,
        Optimizer = OptimizerKind.Muon,
        LearningRate = 0.24f,
        BiasLearningRate = 0.053f * 2000,
        HeadLearningRate = 0.67f * 2000,
        Momentum = 0.85f,
        MuonMomentum = 0.6f,
        WeightDecay = 2e-6f * 2000,
        LabelSmoothing = 0.2f,
        Schedule = ScheduleKind.Linear,
        Augmentation = new Augmentation { Flip = FlipMode.Alternate, Shift = 2, Padding = EdgePadding.Reflect },
    };

    /// <summary>
    /// The airbench96 recipe (Jordan 2024): batches of 1,024, SGD whose average of the weights is put back every five steps, label smoothing 0.2, alternating flip, shifts of four
    /// pixels, squares of twelve blanked. 40 epochs as first published (31 and 37 in later revisions), all else as in the last revision. Published are a rate of 9 and a decay of
    /// 0.012 a thousand images before momentum, biases of normalisations 64 times as fast, those of the whitening for three epochs only; here the rate is for the mean over the batch.
    /// Two things are as everywhere here: the warm-up begins near 0 instead of 0.2, and a blanked square may reach over the edge.
    /// </summary>
    static TrainingOptions Airbench96
    {
        get
        {
            const float Rate = 9, Decay = 0.012f / Rate, Momentum = 0.85f, BiasFactor = 64;
            return new()
            {
                Epochs = 40,
                BatchSize = 1024,
                Optimizer = OptimizerKind.Sgd,
                LearningRate = Rate / (1 + (1 / (1 - Momentum))),
                Momentum = Momentum,
                WeightDecay = Decay,
                Groups =
                [
                    new("conv1") { Role = ParameterRole.Bias, WeightDecay = Decay, TrainedShare = 3f / 40 },
                    new() { Role = ParameterRole.Bias, RateFactor = BiasFactor, WeightDecay = Decay / BiasFactor },
                ],
                EmaDecay = 0.95f,
                LookaheadSteps = 5,
                LabelSmoothing = 0.2f,
                Schedule = ScheduleKind.Linear,
                Warmup = 0.1f,
                Augmentation = new Augmentation { Flip = FlipMode.Alternate, Shift = 4, Padding = EdgePadding.Reflect, Cutout = 12 },
            };
        }
    }
}
