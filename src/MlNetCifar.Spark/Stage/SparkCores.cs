using System.Globalization;
using MlNetCifar.Spark.Connect;

namespace MlNetCifar.Spark.Stage;

/// <summary>How much of a cluster there is.</summary>
static class SparkCores
{
    /// <summary>The cores to plan parts for.</summary>
    public static async Task<int> ForPartsAsync(SparkSession session, int parts, CancellationToken cancellationToken)
    {
        var isDynamic = IsDynamicAsync(session, cancellationToken);
        var now = await NowAsync(session, cancellationToken).ConfigureAwait(false);
        if (!await isDynamic.ConfigureAwait(false))
            return now;
        var executors = await session.GetAsync("spark.dynamicAllocation.maxExecutors", cancellationToken).ConfigureAwait(false);
        var each = await session.GetAsync("spark.executor.cores", cancellationToken).ConfigureAwait(false);
        return StageQuery.CoresToAskFor(now, parts, executors, each);
    }

    /// <summary>Tasks that run at once; Spark does not say whether there is but one. Null where executors come as tasks wait for them.</summary>
    public static async Task<int?> SlotsAsync(SparkSession session, CancellationToken cancellationToken)
    {
        if (await IsDynamicAsync(session, cancellationToken).ConfigureAwait(false))
            return null;
        var each = await session.GetAsync("spark.task.cpus", cancellationToken).ConfigureAwait(false);
        var cores = await NowAsync(session, cancellationToken).ConfigureAwait(false);
        return cores / (int.TryParse(each, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? Math.Max(1, number) : 1);
    }

    /// <summary>Cores of the executors that there are.</summary>
    public static async Task<int> NowAsync(SparkSession session, CancellationToken cancellationToken) =>
        StageQuery.ReadCores(await session.Sql(StageQuery.Cores).ExplainAsync(cancellationToken).ConfigureAwait(false));

    static async Task<bool> IsDynamicAsync(SparkSession session, CancellationToken cancellationToken) =>
        await session.GetAsync("spark.dynamicAllocation.enabled", cancellationToken).ConfigureAwait(false) == "true";
}
