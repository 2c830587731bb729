using MlNetCifar.Data;
using MlNetCifar.Experiments;
using MlNetCifar.Nn;
using MlNetCifar.Training;
using MlNetCifar.Transfer;

namespace MlNetCifar.Tuning;

/// <summary>Measures what the candidates take, a step of each: for small pictures networks of rising cost, on a backbone how much of it is trained further.</summary>
internal static class AutoCost
{
    /// <summary>The usual candidate first, the others by rising cost; each is measured when it is asked for.</summary>
    /// <param name="options">What was chosen by the pictures.</param>
    /// <param name="dataset">Training and validation images.</param>
    /// <param name="backbone">Null where none was chosen.</param>
    public static IEnumerable<AutoCandidate> Of(ExperimentOptions options, ImageDataset dataset, FeatureExtractor? backbone) =>
        backbone is null ? AutoSpace.Presets.Select(preset => OfPreset(options with { Preset = preset }, dataset)).OfType<AutoCandidate>() : OfBackbone(options, dataset, backbone);

    /// <summary>Null where the pictures are too small for the network.</summary>
    static AutoCandidate? OfPreset(ExperimentOptions options, ImageDataset dataset)
    {
        var training = options.TrainingFor(Math.Min(dataset.Train.Width, dataset.Train.Height));
        try
        {
            return new(options.Preset, Steps(dataset) / NetworkBenchmark.Roughly(options.NetworkFor(dataset.Train), training), training.Epochs);
        }
        catch (MlNetCifarException e) when (e.Code == "MNC2001" && options.Preset != AutoSpace.Presets[0])
        {
            return null;
        }
    }

    static IEnumerable<AutoCandidate> OfBackbone(ExperimentOptions options, ImageDataset dataset, FeatureExtractor backbone)
    {
        var training = options.TrainingFor(backbone.Preprocess.Height);
        var network = backbone.Network.WithHead(dataset.Classes.Count);
        var times = ExperimentRun.IsMirrored(training.Augmentation.Flip, dataset.Train.Count) ? 2 : 1;
        var features = ((times * dataset.Train.Count) + dataset.Splits.Where(split => split.Key != DatasetSplit.Train).Sum(split => split.Value.Count)) / FeatureTime.PerSecond(backbone, training.Threads);
        yield return new(OptionText.Of(FineTuning.None), features, 1);
        foreach (var depth in (FineTuning[])[FineTuning.LastStage, FineTuning.All])
            yield return new(OptionText.Of(depth), ExperimentRun.SecondsOfFurther(network, depth, training, options.FreezeStatistics) * Steps(dataset), training.Epochs);
    }

    /// <summary>Pictures of an epoch, those of its validation by what they take.</summary>
    static double Steps(ImageDataset dataset) => dataset.Train.Count + (Pacer.ForwardShare * (dataset.Validation?.Count ?? 0));
}
