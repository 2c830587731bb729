using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>What a write does where something is already.</summary>
public enum SaveMode
{
    /// <summary>Fails.</summary>
    ErrorIfExists,

    /// <summary>Replaces it.</summary>
    Overwrite,

    /// <summary>Adds to it.</summary>
    Append,
}

/// <summary>A query that has not run yet. Immutable.</summary>
public sealed class SparkDataFrame
{
    readonly SparkSession _session;

    internal SparkDataFrame(SparkSession session, Relation relation)
    {
        _session = session;
        Relation = relation;
    }

    internal Relation Relation { get; }

    /// <summary>The same rows in this many partitions of even size.</summary>
    /// <param name="partitions">≥ 1.</param>
    public SparkDataFrame Repartition(int partitions) => new(_session, Plans.Repartition(Relation, partitions));

    /// <summary>The first rows.</summary>
    /// <param name="rows">≥ 0.</param>
    public SparkDataFrame Limit(int rows) => new(_session, Plans.Limit(Relation, rows));

    /// <summary>The physical plan, as Spark prints it. Nothing is run.</summary>
    /// <param name="cancellationToken">Stops waiting.</param>
    public Task<string> ExplainAsync(CancellationToken cancellationToken = default) => _session.ExplainAsync(Plans.Query(Relation), cancellationToken);

    /// <summary>Runs the query and gives its rows as they arrive. Cancelling interrupts it on the server.</summary>
    /// <param name="progress">Told how far it is, about twice a second.</param>
    /// <param name="cancellationToken">Interrupts the query.</param>
    public IAsyncEnumerable<SparkRow> StreamAsync(IProgress<SparkProgress>? progress = null, CancellationToken cancellationToken = default) =>
        _session.ExecuteAsync(Plans.Query(Relation), progress, cancellationToken);

    /// <summary>Runs the query and gives all its rows.</summary>
    /// <param name="progress">Told how far it is, about twice a second.</param>
    /// <param name="cancellationToken">Interrupts the query.</param>
    public async Task<IReadOnlyList<SparkRow>> CollectAsync(IProgress<SparkProgress>? progress = null, CancellationToken cancellationToken = default)
    {
        var rows = new List<SparkRow>();
        await foreach (var row in StreamAsync(progress, cancellationToken).ConfigureAwait(false))
            rows.Add(row);
        return rows;
    }

    /// <summary>Gives the query a name for use in SQL of this session.</summary>
    /// <param name="name">An identifier; an older view of that name is replaced.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    public Task CreateTempViewAsync(string name, CancellationToken cancellationToken = default) =>
        _session.CommandAsync(Plans.TempView(Relation, name), null, cancellationToken);

    /// <summary>Runs the query and writes its rows as Parquet files.</summary>
    /// <param name="path">A folder, as Spark sees it.</param>
    /// <param name="mode">What to do where it exists.</param>
    /// <param name="options">Of Spark's Parquet source, for example <c>compression</c>; null for none.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellationToken">Interrupts the query.</param>
    public Task WriteParquetAsync(string path, SaveMode mode = SaveMode.ErrorIfExists, IReadOnlyDictionary<string, string>? options = null,
        IProgress<SparkProgress>? progress = null, CancellationToken cancellationToken = default) =>
        _session.CommandAsync(Plans.Write(Relation, "parquet", path, mode, options), progress, cancellationToken);
}
