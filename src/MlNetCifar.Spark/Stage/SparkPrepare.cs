using MlNetCifar.Data;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>
/// <c>prepare</c>: images → shards, in this process or on a Spark cluster, from and to the local disk or HDFS.
/// The bytes written depend on the input and the shard options alone, not on where they are made.
/// </summary>
public static class SparkPrepare
{
    /// <summary>Prepares a data set. A second run builds only parts that are missing or damaged.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="progress">Told as parts are committed and tasks end.</param>
    /// <param name="cancellationToken">Stops the Spark job and removes what is unfinished; committed parts are kept.</param>
    /// <exception cref="MlNetCifarException">The input is wrong (MNC10xx), HDFS or Spark failed (MNC60xx).</exception>
    public static async Task<ShardReport> RunAsync(
        SparkPrepareOptions options, IProgress<SparkPrepareProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        var master = StageMaster.Parse(options.Master);
        var state = new StageProgress(progress);
        options = options with { Input = Normalize(options.Input), Output = Normalize(options.Output) };
        var access = HdfsAccess.To([options.Input, options.Output], options.Hadoop, options.User);
        using var stores = access.Open(new());
        if ($"{stores.For(options.Output).FullName(options.Output)}/".StartsWith($"{stores.For(options.Input).FullName(options.Input)}/", StringComparison.Ordinal))
            throw StageErrors.OutputIsInput(options.Output);
        if (master.Address is null)
            return await Task.Run(() => Local(options, master.Threads, stores, state, cancellationToken), cancellationToken).ConfigureAwait(false);
        var run = new SparkRun(options, SparkConnection.Parse(master.Address), stores, access, state);
        await using (run.ConfigureAwait(false))
            return await run.RunAsync(cancellationToken).ConfigureAwait(false);
    }

    internal static ShardReport Local(
        SparkPrepareOptions options, int threads, FileStores stores, StageProgress progress, CancellationToken cancellationToken)
    {
        var shards = options.Shards with { Threads = threads, Store = stores.For(options.Output) };
        var files = options.Files with { Store = stores.For(options.Input) };
        var report = ShardWriter.Write(options.Input, options.Output, shards, files, new Relay(progress), cancellationToken);
        progress.Phase("done");
        return report;
    }

    static string Normalize(string path)
    {
        path = HdfsPath.Absolute(path);
        return HdfsPath.IsHdfs(path) ? path.TrimEnd('/') : path;
    }

    sealed class Relay(StageProgress progress) : IProgress<LoadProgress>
    {
        public void Report(LoadProgress value) => progress.Local(value.Done, value.Total, value.Bad);
    }
}
