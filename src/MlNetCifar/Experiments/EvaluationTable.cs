using MlNetCifar.Data;

namespace MlNetCifar.Experiments;

/// <summary>The one table behind the options of evaluations. What they share with experiments is described there.</summary>
public static class EvaluationTable
{
    /// <summary>A trained model.</summary>
    public static OptionDescription<string?> Model { get; } = OptionDescription.Text(
        "model", "PATH", "Model file (.safetensors) or run folder, also on hdfs://; without it the newest run of train, automl or quickstart, "
        + "or else the CIFAR-10 model that comes with the program", group: "Model");

    /// <summary>Least probability of an answer.</summary>
    public static OptionDescription<double?> AbstainBelow { get; } = OptionDescription.Of<double?>(
        "abstain-below", "P", "Least probability of an answer; below it the answer is unknown", t => OptionText.Fraction(t), null,
        "Model", "what the model's calibration says, if it has one");

    /// <summary>Which split.</summary>
    internal static OptionDescription<DatasetSplit?> Subset { get; } = OptionDescription.Of<DatasetSplit?>(
        "subset", "NAME", $"Which split: {OptionText.Choices<DatasetSplit>()}", t => OptionText.Choice<DatasetSplit>(t), null, "Data", "test where there is one, else all images");

    /// <summary>All of them, in the order of help.</summary>
    public static OptionTable<EvaluationExperimentOptions> All { get; } = new(
        EvaluationExperimentOptions.Ranges,
        Bind(Model, nameof(EvaluationExperimentOptions.Model), o => o.Model, (o, v) => o with { Model = v }),
        Bind(ExperimentTable.Views, nameof(EvaluationExperimentOptions.Views), o => o.Views, (o, v) => o with { Views = v }),
        Bind(AbstainBelow, nameof(EvaluationExperimentOptions.AbstainBelow), o => o.AbstainBelow, (o, v) => o with { AbstainBelow = v }),
        Bind(ExperimentTable.Data, nameof(EvaluationExperimentOptions.Data), o => o.Data, (o, v) => o with { Data = v }),
        Bind(Subset, nameof(EvaluationExperimentOptions.Subset), o => o.Subset, (o, v) => o with { Subset = v }),
        Bind(ExperimentTable.OnBadImage, nameof(EvaluationExperimentOptions.OnBadImage), o => o.OnBadImage, (o, v) => o with { OnBadImage = v }),
        Bind(ExperimentTable.LabelsFrom, nameof(EvaluationExperimentOptions.LabelsFrom), o => o.LabelsFrom, (o, v) => o with { LabelsFrom = v }),
        Bind(ExperimentTable.OnTruncated, nameof(EvaluationExperimentOptions.OnTruncated), o => o.OnTruncated, (o, v) => o with { OnTruncated = v }),
        Bind(ExperimentTable.MaxPixels, nameof(EvaluationExperimentOptions.MaxPixels), o => o.MaxPixels, (o, v) => o with { MaxPixels = v }),
        Bind(ExperimentTable.MaxFileSize, nameof(EvaluationExperimentOptions.MaxFileSize), o => o.MaxFileSize, (o, v) => o with { MaxFileSize = v }),
        Bind(ExperimentTable.CacheFolder, nameof(EvaluationExperimentOptions.CacheFolder), o => o.CacheFolder, (o, v) => o with { CacheFolder = v }),
        Bind(ExperimentTable.CacheLimit, nameof(EvaluationExperimentOptions.CacheLimit), o => o.CacheLimit, (o, v) => o with { CacheLimit = v }),
        Bind(TrainingTable.Threads, nameof(EvaluationExperimentOptions.Threads), o => o.Threads, (o, v) => o with { Threads = v }),
        Bind(ExperimentTable.Output, nameof(EvaluationExperimentOptions.Output), o => o.Output, (o, v) => o with { Output = v! }),
        Bind(ExperimentTable.Name, nameof(EvaluationExperimentOptions.Name), o => o.Name, (o, v) => o with { Name = v }),
        Bind(ExperimentTable.ExistOk, nameof(EvaluationExperimentOptions.ExistOk), o => o.ExistOk, (o, v) => o with { ExistOk = v }));

    static OptionBinding<EvaluationExperimentOptions> Bind<T>(
        OptionDescription<T> option, string property, Func<EvaluationExperimentOptions, T> get, Func<EvaluationExperimentOptions, T, EvaluationExperimentOptions> set) =>
        ExperimentTable.Bind(option, property, get, set);
}
