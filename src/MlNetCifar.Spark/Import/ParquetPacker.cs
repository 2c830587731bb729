using System.Buffers;
using System.Globalization;
using System.Text.Json;
using MlNetCifar.Files;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Import;

/// <summary>
/// Packs files into Parquet: they are streamed to HDFS as rows of a few large JSON files, which Spark turns into Parquet. No file ever lies alone on HDFS,
/// since writing many small ones is what takes the time.
/// </summary>
sealed class ParquetPacker(HdfsImportOptions options, FileTree tree, WebHdfsClient client, string path, IProgress<HdfsImportProgress>? progress)
{
    readonly string _staging = $"{path.TrimEnd('/')}.staging-{Guid.NewGuid():N}";
    int _files;
    long _bytes;

    public async Task<HdfsImportReport> RunAsync(string master, CancellationToken cancellationToken)
    {
        if (await client.GetStatusAsync(path, cancellationToken).ConfigureAwait(false) is not null)
            throw ImportErrors.Exists(options.Target);
        var session = await SparkSession.ConnectAsync(master, cancellationToken).ConfigureAwait(false);
        await using (session.ConfigureAwait(false))
        {
            try
            {
                await StageAsync(cancellationToken).ConfigureAwait(false);
                await PackAsync(session, cancellationToken).ConfigureAwait(false);
            }
            finally
            {
                await client.DeleteAsync(_staging, recursive: true, CancellationToken.None).ConfigureAwait(false);
            }
        }

        return new(options.Target, tree.Files.Count, 0, _bytes) { Warnings = tree.Warnings };
    }

    async Task StageAsync(CancellationToken cancellationToken)
    {
        using var cursor = tree.ReadAll([.. Enumerable.Range(0, tree.Files.Count)]);
        await Parallel.ForAsync(0, Math.Clamp(options.Parallelism, 1, 4), cancellationToken, async (_, ct) => await StageAsync(cursor, ct).ConfigureAwait(false))
            .ConfigureAwait(false);
    }

    async Task StageAsync(FileCursor cursor, CancellationToken cancellationToken)
    {
        byte[] buffer = [];
        var line = new ArrayBufferWriter<byte>(1 << 16);
        var more = true;
        for (var number = 0; more; number++)
        {
            var name = string.Create(CultureInfo.InvariantCulture, $"{_staging}/{Environment.CurrentManagedThreadId}-{Guid.NewGuid():N}-{number}.json");
            var stream = client.OpenWrite(name);
            await using (stream.ConfigureAwait(false))
            {
                var content = 0L;
                while (content < options.PackBytes && (more = HdfsImport.TryTake(tree, cursor, ref buffer, out var file, out var length)))
                {
                    Format(line, tree.Files[file].Path, buffer.AsSpan(0, length));
                    await stream.WriteAsync(line.WrittenMemory, cancellationToken).ConfigureAwait(false);
                    content += length;
                    progress?.Report(new("upload", Interlocked.Increment(ref _files), tree.Files.Count, Interlocked.Add(ref _bytes, length)));
                }

                await stream.CompleteAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    static void Format(ArrayBufferWriter<byte> line, string name, ReadOnlySpan<byte> content)
    {
        line.ResetWrittenCount();
        using (var json = new Utf8JsonWriter(line))
        {
            json.WriteStartObject();
            json.WriteString("path", name);
            json.WriteNumber("length", content.Length);
            json.WriteBase64String("content", content);
            json.WriteEndObject();
        }

        line.Write("\n"u8);
    }

    async Task PackAsync(SparkSession session, CancellationToken cancellationToken)
    {
        progress?.Report(new("pack", _files, tree.Files.Count, _bytes));
        var view = $"staged_{Guid.NewGuid():N}";
        var folder = $"{HdfsPath.Split(options.Target).FileSystem.GetLeftPart(UriPartial.Authority)}{_staging}";
        await session.Read("json", [folder], schema: "path STRING, length LONG, content STRING").CreateTempViewAsync(view, cancellationToken).ConfigureAwait(false);
        var files = (int)Math.Clamp((_bytes + options.PackBytes - 1) / options.PackBytes, 1, 10_000);
        // Pictures are compressed already; small row groups let several tasks read one file.
        var parquet = new Dictionary<string, string> { ["compression"] = "uncompressed", ["parquet.block.size"] = "16777216" };
        await session.Sql($"SELECT path, length, unbase64(content) content FROM {view}").Repartition(files)
            .WriteParquetAsync(options.Target, SaveMode.ErrorIfExists, parquet, null, cancellationToken).ConfigureAwait(false);
    }
}
