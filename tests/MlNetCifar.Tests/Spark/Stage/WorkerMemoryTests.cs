using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark.Stage;

/// <summary>The worker program with a part too large for memory.</summary>
[TestClass]
public sealed class WorkerMemoryTests
{
    const int LimitMegabytes = 250;

    static readonly Dictionary<string, string> s_content = [];

    /// <summary>The most memory must not grow with the number of images. One file is named many times.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DoNotParallelize]
    [DataRow(21_845, 32, false, false)]
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
        new PartTask(0, 0, "key", items).Write(LocalFileStore.Instance, folder["job"]);
        var options = new ShardOptions { Spec = new() { Width = size, Height = size }, Float32 = float32, Threads = 1 };
        var job = new WorkerJob { JobFolder = folder["job"], InputRoot = contentInRows ? null : folder["input"], Classes = 10, Options = options };
        var clock = Stopwatch.StartNew();
        var (row, peak) = await RunAsync(job, contentInRows ? items.Select((item, i) => Row(folder, item, i)) : ["0\n"]);
        Console.WriteLine($"{images} of {size}x{size}, float32 {float32}, rows {contentInRows}: {peak / 1024} MB at most, {clock.Elapsed.TotalSeconds:0} s");

        using var one = new ShardBuilder(options).Build(1, [new("", 0, () => File.ReadAllBytes(Path.Combine(folder["input"], good.Name)))]);
        var expected = one.Write(LocalFileStore.Instance, folder["one"], 0, "key", 10);
        Assert.AreEqual((items.Count(i => i == good), items.Count(i => i == bad)), (row.Part!.Count, row.Part.BadFiles.Count));
        CollectionAssert.AreEqual(expected.Sum.Select(s => s * (ulong)row.Part.Count).ToArray(), row.Part.Sum.ToArray());
        foreach (var file in row.Part.Files)
        {
            using var stream = File.OpenRead(Path.Combine(folder["job"], row.Attempt!, file.Name));
            Assert.AreEqual(file.Sha256, Convert.ToHexStringLower(SHA256.HashData(stream)), file.Name);
        }

        Assert.IsGreaterThan(20 * 1024, peak);
        Assert.IsLessThan(LimitMegabytes * 1024, peak);
    }

    [TestMethod]
    public void Worker_LeavesNoTemporaryFile_WhenKilled()
    {
        if (!Directory.Exists("/proc/self/fd"))
            Assert.Inconclusive("There is no /proc here.");
        using var folder = new TestFolder();
        Directory.CreateDirectory(folder["tmp"]);
        using var process = Start(Huge(folder), folder["tmp"]);
        Send(process, "0\t0\tAAAA\n");
        // It now waits for the second row.
        bool IsMade() => Directory.GetFiles($"/proc/{process.Id}/fd").Any(f => new FileInfo(f).LinkTarget is { } target
            && target.StartsWith(folder["tmp"], StringComparison.Ordinal) && target.EndsWith(" (deleted)", StringComparison.Ordinal));
        Assert.IsTrue(SpinWait.SpinUntil(() => process.HasExited || IsMade(), TimeSpan.FromSeconds(60)) && !process.HasExited);
        process.Kill();
        process.WaitForExit();
        Assert.IsEmpty(Directory.GetFiles(folder["tmp"], "mlnetcifar-*"));
    }

    [TestMethod]
    public void Worker_SaysThatTheTemporaryFolderIsFull()
    {
        using var folder = new TestFolder();
        var disk = Directory.CreateDirectory(folder["disk"]).FullName;
        if (Environment.UserName != "root" || Shell("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk) != 0)
            Assert.Inconclusive("A small file system cannot be mounted here.");
        try
        {
            using var process = Start(Huge(folder), disk);
            Send(process, "0\t0\tAAAA\n");
            process.StandardInput.Close();
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            Assert.AreEqual(75, process.ExitCode, error);
            StringAssert.Contains(error, "This temporary file cannot be written");
            StringAssert.Contains(error, "TMPDIR");
            StringAssert.Contains(error, disk);
        }
        finally
        {
            Shell("umount", disk);
        }
    }

    /// <summary>Two pictures of more than 64 MiB.</summary>
    static WorkerJob Huge(TestFolder folder)
    {
        new PartTask(0, 0, "key", [new("a.jpg", 0, 1), new("b.jpg", 1, 1)]).Write(LocalFileStore.Instance, folder["job"]);
        return new() { JobFolder = folder["job"], Classes = 2, Options = new() { Spec = new() { Width = 5000, Height = 5000 }, Threads = 1 } };
    }

    static void Send(Process process, string row)
    {
        process.StandardInput.Write(row);
        process.StandardInput.Flush();
    }

    static int Shell(string command, params string[] arguments)
    {
        using var process = Process.Start(command, arguments);
        process.WaitForExit();
        return process.ExitCode;
    }

    static Process Start(WorkerJob job, string? temporary = null)
    {
        var start = new ProcessStartInfo(StageFiles.Worker, job.ToArgument())
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = temporary is not null,
        };
        if (temporary is not null)
            start.Environment["TMPDIR"] = temporary;
        return Process.Start(start)!;
    }

    static ShardItem Item(TestFolder folder, FileInfo file) => new(Path.GetRelativePath(folder["input"], file.FullName), 3, file.Length);

    static string Row(TestFolder folder, ShardItem item, int row)
    {
        if (!s_content.TryGetValue(item.Name, out var content))
            s_content.Add(item.Name, content = Convert.ToBase64String(File.ReadAllBytes(Path.Combine(folder["input"], item.Name))));
        return $"0\t{row}\t{content}\n";
    }

    static async Task<(WorkerRow Row, long Peak)> RunAsync(WorkerJob job, IEnumerable<string> rows)
    {
        using var process = Start(job);
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
        return (WorkerRow.Parse(columns[0], columns[1], columns[2], columns[3]), peak);
    }
}
