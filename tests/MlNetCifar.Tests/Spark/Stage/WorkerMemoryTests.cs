using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using MlNetCifar.Data.Files;
using MlNetCifar.Data.Shards;
using MlNetCifar.Spark.Stage.Worker;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark.Stage;

/// <summary>The most memory a worker takes for one huge part: it must not grow with the number of images. One file is named many times.</summary>
[TestClass]
[TestCategory("Slow")]
[DoNotParallelize]
public sealed class WorkerMemoryTests
{
    const int LimitMegabytes = 250;

    [TestMethod]
    [DataRow(300_000, 32, false, false)]
    [DataRow(300_000, 32, false, true)]
    [DataRow(100_000, 64, false, false)]
    [DataRow(100_000, 32, true, false)]
    public async Task Worker_StaysUnderTheLimit(int images, int size, bool float32, bool contentInRows)
    {
        PeakMemory.Require();
        using var folder = new TestFolder();
        StageFiles.Unpack(folder["input"], 1, 0);
        var files = new DirectoryInfo(folder["input"]).GetFiles("*.jpg", SearchOption.AllDirectories);
        var (good, bad) = (Item(folder, files.First(f => f.Length > 100)), Item(folder, files.First(f => f.Name == "no image.jpg")));
        var items = new ShardItem[images];
        for (var i = 0; i < images; i++)
            items[i] = i % 1000 == 7 ? bad : good;
        new PartTask(0, "key", items).Write(LocalFileStore.Instance, folder["job"]);
        var options = new ShardOptions { Spec = new() { Width = size, Height = size }, Float32 = float32, Threads = 1 };
        var job = new WorkerJob { JobFolder = folder["job"], InputRoot = contentInRows ? null : folder["input"], Classes = 10, Options = options };
        var clock = Stopwatch.StartNew();
        var (row, peak) = await RunAsync(job, contentInRows ? items.Select((item, i) => Row(folder, item, i)) : ["0\n"]);
        Console.WriteLine($"{images} of {size}x{size}, float32 {float32}, rows {contentInRows}: {peak / 1024} MB at most, {clock.Elapsed.TotalSeconds:0} s");

        using var one = new ShardBuilder(options).Build(1, [new("", 0, () => File.ReadAllBytes(Path.Combine(folder["input"], good.Name)))]);
        var expected = one.Write(LocalFileStore.Instance, folder["one"], 0, "key", 10);
        Assert.AreEqual((images - (images / 1000), images / 1000), (row.Part!.Count, row.Part.BadFiles.Count));
        CollectionAssert.AreEqual(expected.Sum.Select(s => s * (ulong)row.Part.Count).ToArray(), row.Part.Sum.ToArray());
        foreach (var file in row.Part.Files)
        {
            using var stream = File.OpenRead(Path.Combine(folder["job"], row.Attempt!, file.Name));
            Assert.AreEqual(file.Sha256, Convert.ToHexStringLower(SHA256.HashData(stream)), file.Name);
        }

        Assert.IsGreaterThan(20 * 1024, peak);
        Assert.IsLessThan(LimitMegabytes * 1024, peak);
    }

    static ShardItem Item(TestFolder folder, FileInfo file) => new(Path.GetRelativePath(folder["input"], file.FullName), 3, file.Length);

    static readonly Dictionary<string, string> s_content = [];

    static string Row(TestFolder folder, ShardItem item, int row)
    {
        if (!s_content.TryGetValue(item.Name, out var content))
            s_content.Add(item.Name, content = Convert.ToBase64String(File.ReadAllBytes(Path.Combine(folder["input"], item.Name))));
        return $"0\t{row}\t{content}\n";
    }

    static async Task<(WorkerRow Row, long Peak)> RunAsync(WorkerJob job, IEnumerable<string> rows)
    {
        using var process = Process.Start(new ProcessStartInfo(StageFiles.Worker, job.ToArgument())
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
        })!;
        var output = process.StandardOutput.ReadToEndAsync();
        var input = Task.Run(() =>
        {
            using var stream = process.StandardInput.BaseStream;
            foreach (var row in rows)
                stream.Write(Encoding.UTF8.GetBytes(row));
        });
        var peak = 0L;
        while (!process.HasExited)
        {
            peak = Math.Max(peak, PeakMemory.Kilobytes(process.Id));
            await Task.Delay(5);
        }

        await input;
        Assert.AreEqual(0, process.ExitCode);
        var columns = (await output).TrimEnd('\n').Split('\t');
        return (WorkerRow.Parse(columns[0], columns[1], columns[2]), peak);
    }
}
