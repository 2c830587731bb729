using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Imaging;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>What <see cref="SparkPredict"/> is to do.</summary>
public sealed record SparkPredictOptions
{
    /// <summary>Which executors.</summary>
    public required SparkExecutorOptions Executors { get; init; }

    /// <summary>What names the pictures; stays the caller's.</summary>
    public required ImageClassifier Model { get; init; }

    /// <summary>Shards, folders of image files, or single files, on <c>hdfs://</c> or a disk that all executors see.</summary>
    public required IReadOnlyList<string> Inputs { get; init; }

    /// <summary>The folder of Parquet files to write, on <c>hdfs://</c> or a disk that all executors see; there must be nothing of that name.</summary>
    public required string Output { get; init; }

    /// <summary>Most probable classes of each picture, ≥ 1. The default is 3.</summary>
    public int Top { get; init; } = 3;

    /// <summary>Least probability of an answer; below it the answer is <c>unknown</c>. Null (the default) for what the model's calibration says, if it has one.</summary>
    public double? AbstainBelow { get; init; }

    /// <summary>How image files are decoded.</summary>
    public DecodeOptions Decode { get; init; } = new();
}

/// <summary>What <see cref="SparkPredict"/> wrote.</summary>
/// <param name="Pictures">Rows: one for each picture.</param>
/// <param name="Failed">Pictures among them that could not be read; their rows say why.</param>
/// <param name="Answers">How often each class was the answer, or <c>unknown</c>; the most frequent first.</param>
public sealed record SparkPredictReport(long Pictures, long Failed, IReadOnlyList<KeyValuePair<string, long>> Answers);

/// <summary>
/// Has executors name what is on pictures, and write their answers as Parquet files: neither pictures nor answers come to the driver. Spark's commit takes each answer once, and the folder gets its name when all of
/// them have been counted.
/// </summary>
public static class SparkPredict
{
    /// <summary>Predicts.</summary>
    /// <param name="options">What to do.</param>
    /// <param name="cancellation">Ends the work; nothing is left of it.</param>
    /// <exception cref="MlNetCifarException">Input or output are wrong (MNC6093, MNC6096, MNC6098, MNC6099, MNC10xx), or HDFS or Spark failed (MNC60xx).</exception>
    public static async Task<SparkPredictReport> RunAsync(SparkPredictOptions options, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        string[] inputs = [.. options.Inputs.Select(HdfsPath.Absolute)];
        var output = HdfsPath.Absolute(options.Output).TrimEnd('/');
        var access = HdfsAccess.To([.. inputs, output], options.Executors.Hadoop, options.Executors.User);
        using var stores = access.Open(new());
        var target = stores.For(output);
        if (target.FolderExists(output) || target.FileExists(output))
            throw ExecutorErrors.OutputExists(output);
        ScoredSource[] sources = [.. inputs.SelectMany(input => Find(options, stores.For(input), input))];
        var session = await ScoringSession.OpenAsync(options.Executors, access, options.Model, cancellation).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            var query = session.Query(PredictHost.Name, new ScoreJob
            {
                Access = access, Sources = sources, Length = session.LengthFor(sources), Top = Math.Min(options.Top, options.Model.Classes.Length), AbstainBelow = options.AbstainBelow, Decode = options.Decode,
            });
            var temporary = $"{output}_temporary-{Guid.NewGuid():N}";
            try
            {
                await session.Session.Sql($"SELECT answer.* FROM (SELECT from_json(row, '{PredictHost.Schema}') answer FROM ({query}))")
                    .WriteParquetAsync(StageInput.SparkPath(temporary), cancellationToken: cancellation).ConfigureAwait(false);
                var report = await CountAsync(session.Session, temporary, cancellation).ConfigureAwait(false);
                if (report.Pictures != sources.Sum(s => (long)s.Count))
                    throw ExecutorErrors.LostAnswers(report.Pictures, sources.Sum(s => (long)s.Count));
                Rename(target, temporary, output);
                return report;
            }
            finally
            {
                StageFolder.Delete(target, temporary);
            }
        }
    }

    /// <summary>The splits of shards, or image files.</summary>
    static IEnumerable<ScoredSource> Find(SparkPredictOptions options, IFileStore store, string path)
    {
        if (!store.FileExists(path) && !store.FolderExists(path))
            throw ExecutorErrors.NotFound(path);
        if (ImageDataset.IsShards(path, store))
        {
            using var dataset = ImageDataset.Open(path, new ImageDatasetOptions { Spec = options.Model.Preprocess, Files = new() { Store = store, Classes = options.Model.Classes } });
            return [.. new[] { DatasetSplit.Train, DatasetSplit.Validation, DatasetSplit.Test }.Where(dataset.Has).Select(split => new ScoredSource(path, dataset.Get(split).Count, split))];
        }

        return (ImageCatalog.IsImage(path) || store.FolderExists(path)) && PictureFiles.List(store, path) is { Count: > 0 } files ? [new(path, files.Count, null)] : throw ExecutorErrors.NoPictures(path);
    }

    static async Task<SparkPredictReport> CountAsync(SparkSession session, string folder, CancellationToken cancellation)
    {
        var view = $"answers_{Guid.NewGuid():N}";
        await session.Read("parquet", [StageInput.SparkPath(folder)]).CreateTempViewAsync(view, cancellation).ConfigureAwait(false);
        var rows = await session.Sql($"SELECT answer, count(path), count(code) FROM {view} GROUP BY answer").CollectAsync(null, cancellation).ConfigureAwait(false);
        return new(rows.Sum(row => row.Number(1)), rows.Sum(row => row.Number(2)),
            [.. rows.Where(row => row.Text(0) is not null).Select(row => KeyValuePair.Create(row.Text(0)!, row.Number(1))).OrderByDescending(pair => pair.Value).ThenBy(pair => pair.Key, StringComparer.Ordinal)]);
    }

    static void Rename(IFileStore store, string from, string to)
    {
        if (store is HdfsFileStore hdfs)
            hdfs.Move(from, to);
        else
            Directory.Move(from, to);
    }
}
