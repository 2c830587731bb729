using System.Globalization;
using MlNetCifar.Files;
using MlNetCifar.Parquet;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Import;

/// <summary>
/// Packs files into Parquet: rows (path, length, content) of a few large files, written beside the target and renamed once when all are there. No file ever lies alone on HDFS,
/// since writing many small ones is what takes the time.
/// </summary>
sealed class ParquetPacker(HdfsImportOptions options, FileTree tree, WebHdfsClient client, string path, IProgress<HdfsImportProgress>? progress)
{
    // Each holds a row group and a block of HDFS.
    const int MostAtOnce = 4;

    static readonly (string, Type)[] s_columns = [("path", typeof(string)), ("length", typeof(long)), ("content", typeof(byte[]))];

    readonly string _staging = $"{path.TrimEnd('/')}.staging-{Guid.NewGuid():N}";
    int _files;
    int _parts;
    long _bytes;

    public async Task<HdfsImportReport> RunAsync(CancellationToken cancellationToken)
    {
        if (await client.GetStatusAsync(path, cancellationToken).ConfigureAwait(false) is not null)
            throw ImportErrors.Exists(options.Target);
        try
        {
            using var cursor = tree.ReadAll([.. Enumerable.Range(0, tree.Files.Count)]);
            await client.MakeFolderAsync(_staging, cancellationToken).ConfigureAwait(false);
            await Parallel.ForAsync(0, Math.Clamp(options.Parallelism, 1, MostAtOnce), cancellationToken, async (_, ct) => await PackAsync(cursor, ct).ConfigureAwait(false))
                .ConfigureAwait(false);
            await client.RenameAsync(_staging, path, overwrite: true, cancellationToken).ConfigureAwait(false);
        }
        catch (Exception e) when (!HdfsErrors.IsOutOfReach(e))
        {
            await client.DeleteAsync(_staging, recursive: true, CancellationToken.None).ConfigureAwait(false);
            throw;
        }

        return new(options.Target, tree.Files.Count, 0, _bytes) { Warnings = tree.Warnings };
    }

    async Task PackAsync(FileCursor cursor, CancellationToken cancellationToken)
    {
        byte[] buffer = [];
        while (HdfsImport.TryTake(tree, cursor, ref buffer, out var file, out var length))
        {
            var part = string.Create(CultureInfo.InvariantCulture, $"{_staging}/part-{Interlocked.Increment(ref _parts) - 1:D5}.parquet");
            var stream = client.OpenWrite(part);
            await using (stream.ConfigureAwait(false))
            {
                var rows = await ParquetRowWriter.CreateAsync(stream, s_columns, cancellationToken).ConfigureAwait(false);
                await using (rows.ConfigureAwait(false))
                {
                    var content = 0L;
                    do
                    {
                        await rows.AddAsync([tree.Files[file].Path, (long)length, buffer.AsSpan(0, length).ToArray()], cancellationToken).ConfigureAwait(false);
                        content += length;
                        progress?.Report(new(Interlocked.Increment(ref _files), tree.Files.Count, Interlocked.Add(ref _bytes, length)));
                    }
                    while (content < options.PackBytes && HdfsImport.TryTake(tree, cursor, ref buffer, out file, out length));
                }

                await stream.CompleteAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }
}
