using System.Diagnostics;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Benchmarks;

/// <summary>What the driver of a Spark job holds for a long listing: it finds the images, plans the parts and writes their tasks, but has no worker run.</summary>
static class ListingBenchmark
{
    /// <summary>Lists, plans and prints this process's greatest memory.</summary>
    /// <param name="count">Image files that a made-up file system lists.</param>
    /// <param name="splits">Whether they lie in folders train, val and test, rather than in train alone.</param>
    public static int Run(int count, bool splits)
    {
        var store = new MadeUpStore(count, splits ? ["train", "train", "train", "val", "test"] : ["train"]);
        var options = new ShardOptions { Store = store, Spec = new() { Width = 64, Height = 64 } };
        var watch = Stopwatch.StartNew();
        using var input = StageInput.OpenFiles(MadeUpStore.Root, new() { Store = store }, CancellationToken.None)!;
        var report = ShardWriter.Write(input.Catalog, "shards", options, (_, work) => Make(store, work), CancellationToken.None);
        var peak = File.ReadLines("/proc/self/status").Single(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
        Console.WriteLine(FormattableString.Invariant(
            $"{input.Catalog.Images.Count} files, {report.PartsWritten} parts, {store.Written} bytes written, {watch.Elapsed.TotalSeconds:F1} s, {peak}"));
        return 0;
    }

    // What SparkPartMaker does before the query and after a row, without the worker between.
    static IEnumerable<(int, ShardPartInfo)> Make(MadeUpStore store, IReadOnlyList<ShardWork> work)
    {
        var number = 0;
        foreach (var (_, plan, missing) in work)
            foreach (var part in missing)
                PartTask.Of(number++, plan, part).Write(store, "job");
        return work.SelectMany((w, i) => w.Missing.Select(part => (i, Built(w.Plan, part))));
    }

    static ShardPartInfo Built(ShardPlan plan, int part)
    {
        var histogram = new int[MadeUpStore.Classes];
        foreach (var item in plan.ItemsOf(part))
            histogram[item.Label]++;
        return new()
        {
            Part = part,
            Key = plan.Keys[part],
            Count = plan.Parts[part].Length,
            Histogram = histogram,
            Sum = [0, 0, 0],
            Squares = [0, 0, 0],
            BadFiles = [],
            Files = [],
        };
    }

    // Lists folder by folder, as file systems do, and names in no order.
    sealed class MadeUpStore(int count, string[] parents) : IFileStore
    {
        public const string Root = "root";

        public const int Classes = 10;

        public long Written { get; private set; }

        public IEnumerable<StoredEntry> List(string folder)
        {
            if (folder != Root)
                yield break;
            for (var i = 0; i < count; i++)
            {
                var leaf = (int)((long)i * parents.Length * Classes / count);
                var number = (i * 7919L) % 10_000_019;
                yield return new(FormattableString.Invariant($"{parents[leaf / Classes]}/class_{leaf % Classes}/image_{number:D7}.jpg"), 20_000 + (i % 997), false);
            }
        }

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
