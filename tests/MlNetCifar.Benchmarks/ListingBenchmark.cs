using MlNetCifar.Data.Catalog;
using MlNetCifar.Data.Files;
using MlNetCifar.Data.Loading;
using MlNetCifar.Data.Shards;
using MlNetCifar.Spark.Stage.Worker;

namespace MlNetCifar.Benchmarks;

/// <summary>What the driver of a Spark job holds for a long listing: it finds the images, plans the parts and writes their tasks, but has no worker run.</summary>
static class ListingBenchmark
{
    /// <summary>Lists, plans and prints this process's greatest memory.</summary>
    /// <param name="count">Image files that a made-up file system lists.</param>
    public static int Run(int count)
    {
        var store = new MadeUpStore(count);
        var options = new ShardOptions { Store = store, Spec = new() { Width = 64, Height = 64 } };
        using var catalog = ImageCatalog.Open("root", new() { Store = store });
        var run = new ShardRun("shards", options, catalog.Classes, new ProgressCounter(count, null), CancellationToken.None);
        var images = CatalogSplits.Assign(catalog.Images, options);
        run.Begin(split: false);
        foreach (var group in images.GroupBy(i => i.Split))
        {
            var items = group.Select(r => new ShardItem(r.Path, r.Label, catalog.Tree.Files[r.File].Length)).ToArray();
            run.Split(group.Key, items, (_, plan, missing) => missing.Select(part => Make(store, plan, part)));
        }

        var report = run.Finish([], []);
        var peak = File.ReadLines("/proc/self/status").Single(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        Console.WriteLine(FormattableString.Invariant($"{images.Count} files, {report.PartsWritten} parts, {store.Written} bytes written, {peak}"));
        return 0;
    }

    // What SparkPartMaker does before the query and after a row, without the worker between.
    static ShardPartInfo Make(MadeUpStore store, ShardPlan plan, int part)
    {
        var task = new PartTask(part, plan.Keys[part], [.. plan.Parts[part].Select(i => plan.Items[i])]);
        task.Write(store, "job");
        return new() { Part = part, Key = task.Key, Count = task.Items.Count, Histogram = [], Sum = [], Squares = [], BadFiles = [], Files = [] };
    }

    sealed class MadeUpStore(int count) : IFileStore
    {
        public long Written { get; private set; }

        public IEnumerable<StoredEntry> List(string folder) =>
            Enumerable.Range(0, count).Select(i => new StoredEntry(FormattableString.Invariant($"train/class_{i % 10}/image_{i:D7}.jpg"), 20_000 + (i % 997), false));

        public void Write(string path, Action<Stream> content)
        {
            using var stream = new CountingStream();
            content(stream);
            Written += stream.Length;
        }

        public bool FolderExists(string path) => true;

        public bool FileExists(string path) => false;

        public Stream OpenRead(string path) => throw new FileNotFoundException(path);

        public void Delete(string path)
        {
        }

        public void Move(string from, string to)
        {
        }
    }

    sealed class CountingStream : Stream
    {
        long _length;

        public override bool CanRead => false;

        public override bool CanSeek => false;

        public override bool CanWrite => true;

        public override long Length => _length;

        public override long Position { get => _length; set => throw new NotSupportedException(); }

        public override void Write(byte[] buffer, int offset, int count) => _length += count;

        public override void Flush()
        {
        }

        public override int Read(byte[] buffer, int offset, int count) => throw new NotSupportedException();

        public override long Seek(long offset, SeekOrigin origin) => throw new NotSupportedException();

        public override void SetLength(long value) => throw new NotSupportedException();
    }
}
