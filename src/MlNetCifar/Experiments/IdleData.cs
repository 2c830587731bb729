using MlNetCifar.Data;

namespace MlNetCifar.Experiments;

/// <summary>What decides whether options of data have an effect.</summary>
/// <param name="Kind">What was opened.</param>
/// <param name="Splits">The splits of its own.</param>
/// <param name="IsRemote">Whether it lies elsewhere.</param>
/// <param name="HasCache">Whether there is a folder for what was read or computed.</param>
/// <param name="HasBackbone">Whether features of a backbone are kept.</param>
/// <param name="Resumes">Whether the run goes on in a folder that is there.</param>
/// <param name="HasWorkers">Whether other processes train.</param>
/// <param name="BoundsStaleness">Whether gradients are taken as they come, within a bound.</param>
/// <param name="MayGrow">Whether there may be room for more workers later.</param>
/// <param name="SumsUp">Whether workers may sum up among each other: every step is one update from the gradients of slices that do not wait for one another.</param>
internal readonly record struct DataFacts(
    DataKind Kind, IEnumerable<DatasetSplit> Splits, bool IsRemote, bool HasCache, bool HasBackbone = false, bool Resumes = false, bool HasWorkers = false,
    bool BoundsStaleness = false, bool MayGrow = false, bool SumsUp = true)
{
    /// <summary>Whether remote shards are read.</summary>
    public bool ReadsRemoteShards => IsRemote && Kind == DataKind.Shards;
}

/// <summary>An option that the data make idle.</summary>
/// <param name="Option">The option.</param>
/// <param name="Because">Why it has no effect; null where it has one.</param>
internal sealed record IdleDataRule(OptionDescription Option, Func<DataFacts, string?> Because);

/// <summary>The table of options of data and runs that have no effect on what was opened, as <see cref="Training.IdleOptions"/> is for those of training.</summary>
internal static class IdleData
{
    public static IReadOnlyList<IdleDataRule> Rules { get; } =
    [
        new(ExperimentTable.Split, facts => facts.Splits.Contains(DatasetSplit.Test) ? "the data have a test split"
            : facts.Splits.Contains(DatasetSplit.Validation) ? "the data were cut into training and validation images by their maker" : null),
        new(ExperimentTable.ValidationSplit, facts => facts.Splits.Contains(DatasetSplit.Validation) ? "the data have a validation split" : null),
        .. ExperimentTable.OfPictures.Select(option => new IdleDataRule(option, facts => facts.Kind == DataKind.Arrays ? "pictures of arrays stay as they are" : null)),
        .. new OptionDescription[] { ExperimentTable.OnBadImage, ExperimentTable.OnTruncated, ExperimentTable.MaxPixels, ExperimentTable.MaxFileSize }
            .Select(option => new IdleDataRule(option, Decoded)),
        new(ExperimentTable.LabelsFrom, facts => facts.Kind == DataKind.Manifest ? "the manifest tells the classes" : Decoded(facts)),
        new(ExperimentTable.CacheFolder, facts => facts.ReadsRemoteShards || facts.HasBackbone || !facts.HasCache ? null : "neither are shards read from elsewhere nor features of a backbone computed"),
        new(ExperimentTable.CacheLimit, facts => !facts.ReadsRemoteShards && !facts.HasBackbone ? "neither are shards read from elsewhere nor features of a backbone computed" : facts.HasCache ? null : "there is no cache"),
        .. new OptionDescription[] { ExperimentTable.BackboneSize, ExperimentTable.FineTune, ExperimentTable.FreezeStatistics }
            .Select(option => new IdleDataRule(option, facts => facts.HasBackbone ? null : "the network is trained from scratch")),
        new(ExperimentTable.MaxWorkers, facts => facts.MayGrow ? WithoutWorkers(facts) : "workers on this machine are those that it begins with"),
        new(ExperimentTable.WorkerTimeout, WithoutWorkers), new(ExperimentTable.JoinTimeout, WithoutWorkers), new(ExperimentTable.WorkerSecret, WithoutWorkers), new(ExperimentTable.Chaos, WithoutWorkers),
        new(ExperimentTable.WorkerLinks, facts => facts.SumsUp ? WithoutWorkers(facts) : "only synchronous workers sum up, and not with batch normalisation over the whole batch"),
        new(ExperimentTable.MaxStaleness, facts => facts.BoundsStaleness ? WithoutWorkers(facts) : "gradients are not taken as they come, or without a bound"),
        new(ExperimentTable.Name, Resumed), new(ExperimentTable.ExistOk, Resumed),
    ];

    /// <summary>What was asked for and does nothing, each in words.</summary>
    /// <param name="table">Binds the options.</param>
    /// <param name="options">The options; their defaults were not asked for, and none asks for nothing.</param>
    /// <param name="facts">What was opened.</param>
    /// <param name="asOptions">Whether options are named as on the command line rather than as properties.</param>
    public static IEnumerable<string> Find<TOptions>(OptionTable<TOptions> table, TOptions options, DataFacts facts, bool asOptions)
        where TOptions : new()
    {
        var defaults = new TOptions();
        foreach (var rule in Rules)
        {
            if (table.Find(rule.Option) is { } binding && binding.Get(options) is { } value && !Equals(value, binding.Get(defaults)) && rule.Because(facts) is { } reason)
                yield return $"{(asOptions ? rule.Option.Option : binding.Property)} has no effect: {reason}";
        }
    }

    static string? Decoded(DataFacts facts) => facts.Kind is DataKind.Arrays or DataKind.Cifar or DataKind.Shards ? "there are no image files: the data are arrays" : null;

    static string? WithoutWorkers(DataFacts facts) => facts.HasWorkers ? null : "there are no workers";

    static string? Resumed(DataFacts facts) => facts.Resumes ? "the run goes on in its folder" : null;
}
