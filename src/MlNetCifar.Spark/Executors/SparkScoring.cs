using MlNetCifar.Experiments;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Executors;

/// <summary>
/// Has executors score the shards of an evaluation. Each reads its own; what comes back are the network's outputs and what a calibration looks at, so that the figures are those of one machine, to the bit.
/// </summary>
/// <param name="options">Which executors.</param>
public sealed class SparkScoring(SparkExecutorOptions options) : IImageScoring
{
    /// <inheritdoc/>
    public void Score(ScoringJob job, Action<ImageScores> arrived, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(job);
        ArgumentNullException.ThrowIfNull(arrived);
        ScoreAsync(job, arrived, cancellation).GetAwaiter().GetResult();
    }

    async Task ScoreAsync(ScoringJob job, Action<ImageScores> arrived, CancellationToken cancellation)
    {
        var path = HdfsPath.Absolute(job.Data);
        var access = HdfsAccess.To([path], options.Hadoop, options.User);
        var session = await ScoringSession.OpenAsync(options, access, job.Model, cancellation).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            ScoredSource[] sources = [new(path, job.Count, job.Split)];
            var frame = session.Session.Sql(session.Query(ScoreHost.Name, new ScoreJob
            {
                Access = access, Sources = sources, Length = session.LengthFor(sources), Views = job.Views, WithFeatures = job.WithFeatures, WithHashes = job.WithHashes,
                CacheFolder = job.CacheFolder, CacheLimit = job.CacheLimit,
            }));
            await foreach (var row in frame.StreamAsync(null, cancellation).ConfigureAwait(false))
                arrived(Read(row.Text(0)));
        }
    }

    static ImageScores Read(string? row)
    {
        try
        {
            return ImageScores.Read(Convert.FromBase64String(row ?? ""));
        }
        catch (Exception e) when (e is FormatException or InvalidDataException)
        {
            throw Stage.StageErrors.WrongRow(row ?? "");
        }
    }
}
