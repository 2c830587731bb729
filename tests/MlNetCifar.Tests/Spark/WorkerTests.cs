using System.Text;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Stage;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>The worker without Spark: rows in, shards and rows out.</summary>
[TestClass]
public sealed class WorkerTests
{
    static readonly ShardOptions s_options = new() { Spec = new() { Width = 16, Height = 12 }, Parts = 3, Threads = 1 };

    static (TestFolder Folder, string Input) Images()
    {
        var folder = new TestFolder();
        StageFiles.Unpack(folder["input"], 3, 0);
        return (folder, folder["input"]);
    }

    static ShardPlan Plan(string input)
    {
        using var catalog = MlNetCifar.Data.ImageCatalog.Open(input);
        return ShardPlan.Create([.. catalog.Images.Select(i => new ShardItem(i.Path, i.Label, new FileInfo(Path.Combine(input, i.Path)).Length))], s_options);
    }

    static PartTask Task(ShardPlan plan, int part) => new(part, part, plan.Keys[part], [.. plan.Parts[part].Select(i => plan.Items[i])]);

    static (int Code, string Output, string Error) Run(WorkerJob job, Stream input)
    {
        var output = new MemoryStream();
        var error = new StringWriter();
        var code = WorkerHost.Run([job.ToArgument()], input, output, error);
        return (code, Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }

    static WorkerRow Parse(string line)
    {
        var columns = line.TrimEnd('\n').Split('\t');
        return WorkerRow.Parse(columns[0], columns[1], columns[2], columns[3], columns.ElementAtOrDefault(4));
    }

    [TestMethod]
    [DataRow(false)]
    [DataRow(true)]
    public void Run_WritesWhatTheLocalStageWrites(bool contentInRows)
    {
        var (folder, input) = Images();
        using (folder)
        {
            ShardWriter.Write(input, folder["local"], s_options);
            var plan = Plan(input);
            var job = new WorkerJob { JobFolder = folder["job"], InputRoot = contentInRows ? null : input, Classes = 10, Options = s_options };
            var rows = new StringBuilder();
            for (var part = 0; part < 3; part++)
            {
                // In a job of several splits, the numbers of tasks are not those of parts.
                var task = Task(plan, part) with { Number = part + 4 };
                task.Write(LocalFileStore.Instance, folder["job"]);
                if (!contentInRows)
                    rows.Append(task.Number).Append('\n');
                for (var row = 0; contentInRows && row < task.Items.Count; row++)
                    rows.Append($"{task.Number}\t{row}\t{Convert.ToBase64String(File.ReadAllBytes(Path.Combine(input, task.Items[row].Name)))}\n");
            }

            var (code, output, error) = Run(job, new MemoryStream(Encoding.UTF8.GetBytes(rows.ToString())));
            Assert.AreEqual(0, code, error);
            var lines = output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(Parse).ToArray();
            CollectionAssert.AreEqual(new[] { (4, 0), (5, 1), (6, 2) }, lines.Select(l => (l.Task, l.Part!.Part)).ToArray());
            Assert.AreEqual(2, lines.Sum(l => l.Part!.BadFiles.Count));
            foreach (var line in lines)
                StringAssert.StartsWith(PartTiming.Parse(line.Timing, "train", line.Part!.Part, 1)!.Worker, $"{Environment.MachineName}, executor ");
            Assert.IsNull(PartTiming.Parse("1 x host", "train", 0, 1));
            foreach (var line in lines)
                foreach (var file in line.Part!.Files)
                    CollectionAssert.AreEqual(
                        File.ReadAllBytes(Path.Combine(folder["local"], file.Name)), File.ReadAllBytes(Path.Combine(folder["job"], line.Attempt!, file.Name)), file.Name);
        }
    }

    [TestMethod]
    public void Run_TakesAMissingRowAsABadFile()
    {
        var (folder, input) = Images();
        using (folder)
        {
            var plan = Plan(input);
            var task = Task(plan, 1);
            task.Write(LocalFileStore.Instance, folder["job"]);
            var job = new WorkerJob { JobFolder = folder["job"], Classes = 10, Options = s_options };
            var rows = string.Concat(task.Items.Select((item, row) =>
                row is 0 or 4 ? "" : $"1\t{row}\t{Convert.ToBase64String(File.ReadAllBytes(Path.Combine(input, item.Name)))}\n"));
            var (code, output, error) = Run(job, new MemoryStream(Encoding.UTF8.GetBytes(rows)));
            Assert.AreEqual(0, code, error);
            var part = Parse(output).Part!;
            Assert.AreEqual(task.Items.Count, part.Count + part.BadFiles.Count);
            CollectionAssert.IsSubsetOf(new[] { task.Items[0].Name, task.Items[4].Name }, part.BadFiles.Select(b => b.Path).ToArray());
        }
    }

    [TestMethod]
    public void Run_RefusesRowsOutOfOrder()
    {
        var (folder, input) = Images();
        using (folder)
        {
            var task = Task(Plan(input), 0);
            task.Write(LocalFileStore.Instance, folder["job"]);
            var job = new WorkerJob { JobFolder = folder["job"], Classes = 10, Options = s_options };
            var (code, _, error) = Run(job, new MemoryStream("0\t1\tAAAA\n0\t0\tAAAA\n"u8.ToArray()));
            Assert.AreNotEqual(0, code);
            StringAssert.Contains(error, "out of order");
        }
    }

    [TestMethod]
    public void Run_ReportsABadImageInsteadOfFailingForEver_WhenBadImagesAreNotAllowed()
    {
        var (folder, input) = Images();
        using (folder)
        {
            var plan = Plan(input);
            var options = s_options with { OnBadImage = OnBadImage.Fail };
            var bad = Enumerable.Range(0, 3).First(p => plan.Parts[p].Any(i => plan.Items[i].Length == 0));
            Task(plan, bad).Write(LocalFileStore.Instance, folder["job"]);
            var job = new WorkerJob { JobFolder = folder["job"], InputRoot = input, Classes = 10, Options = options };
            var stream = new MemoryStream(Encoding.UTF8.GetBytes($"{bad}\n"));
            var (code, output, error) = Run(job, stream);
            Assert.AreEqual(0, code, error);
            var row = Parse(output);
            Assert.IsNull(row.Part);
            StringAssert.StartsWith(row.Code, "MNC1");
            Assert.AreEqual(stream.Length, stream.Position, "the input is read to its end");
        }
    }

    [TestMethod]
    public void Run_FailsWithAMessage_WhenThereIsNoTaskOrNoJob()
    {
        using var folder = new TestFolder();
        var job = new WorkerJob { JobFolder = folder["job"], InputRoot = folder.Root, Classes = 10, Options = s_options };
        var (code, output, error) = Run(job, new MemoryStream("0\n"u8.ToArray()));
        Assert.AreNotEqual(0, code);
        Assert.AreEqual("", output);
        Assert.AreNotEqual("", error);
        Assert.AreEqual(2, WorkerHost.Run([], Stream.Null, Stream.Null, new StringWriter()));
        Assert.AreNotEqual(0, WorkerHost.Run(["AAAA"], Stream.Null, Stream.Null, new StringWriter()));
    }

    [TestMethod]
    public void Job_SurvivesItsTrip()
    {
        var job = new WorkerJob
        {
            JobFolder = "hdfs://h:1/a b'\"$`\\/ü",
            InputRoot = "/in",
            Access = new(new Dictionary<string, IReadOnlyList<Uri>> { ["h:1"] = [new("http://h:2/"), new("http://i:2/")] }, "ann", new(2, 0x17, true)),
            Classes = 4,
            MeasureOnly = true,
            Options = new() { Spec = new() { Width = 3, Height = 4 }, Float32 = true, NormalizedBy = new([0.1f, 1 / 3f, 0.7f], [1e-7f, 0.3f, MathF.PI]), OnBadImage = OnBadImage.Fail, Threads = 2, Decode = new() { MaxPixels = 5, MinWidth = 6, AllowTruncated = true } },
            Watchdog = TimeSpan.FromSeconds(1.5),
        };
        var text = job.ToArgument();
        Assert.IsTrue(text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '='), text);
        var back = WorkerJob.FromArgument(text);
        Assert.AreEqual(job.JobFolder, back.JobFolder);
        Assert.AreEqual(job.InputRoot, back.InputRoot);
        CollectionAssert.AreEqual(job.Access.NameNodes["h:1"].ToArray(), back.Access.NameNodes["h:1"].ToArray());
        Assert.AreEqual(job.Options.Spec, back.Options.Spec);
        Assert.AreEqual(job.Options.Decode, back.Options.Decode);
        Assert.AreEqual(job.Options, back.Options with { Spec = job.Options.Spec, Decode = job.Options.Decode });
        Assert.AreEqual(job.Watchdog, back.Watchdog);
        Assert.IsTrue(back.MeasureOnly);
        Assert.AreEqual((job.Access.User, job.Access.Settings), (back.Access.User, back.Access.Settings));
    }

    [TestMethod]
    public void Hash_IsSparks()
    {
        // SELECT hash(0), hash(1), hash(42), hash(-1) in Spark.
        CollectionAssert.AreEqual(new[] { 933211791, -559580957, 29417773, -1604776387 }, new[] { 0, 1, 42, -1 }.Select(StageQuery.Hash).ToArray());
    }

    [TestMethod]
    public void Routes_FillEveryPartitionOnce()
    {
        for (var n = 1; n <= 200; n++)
        {
            var partitions = StageQuery.Routes(n).Select(r => ((StageQuery.Hash(r) % n) + n) % n).ToArray();
            CollectionAssert.AreEqual(Enumerable.Range(0, n).ToArray(), partitions);
        }
    }

    [TestMethod]
    public void Processes_AreAsManyForEachCore_AndHaveFewParts()
    {
        Assert.AreEqual(2, StageQuery.Processes(13, 2));
        Assert.AreEqual(13, StageQuery.Processes(13, 100));
        Assert.AreEqual(14, StageQuery.Processes(100, 2));
        for (var cores = 1; cores < 20; cores++)
        {
            for (var parts = 1; parts < 200; parts++)
            {
                var processes = StageQuery.Processes(parts, cores);
                Assert.IsTrue(processes <= parts && (processes == parts || processes % cores == 0), $"{parts} parts on {cores} cores: {processes}");
                var shares = StageQuery.Deal([.. Enumerable.Repeat(1, parts)], processes).GroupBy(p => p).Select(g => g.Count()).ToArray();
                Assert.AreEqual(processes, shares.Length);
                Assert.IsTrue(shares.Max() - shares.Min() <= 1 && shares.Max() <= 8, $"{parts} parts on {cores} cores: {shares.Min()} to {shares.Max()} a process");
            }
        }
    }

    [TestMethod]
    public void Cores_AreReadFromAPlan()
    {
        Assert.AreEqual(12, StageQuery.ReadCores("== Physical Plan ==\n*(1) Range (0, 1000000, step=1, splits=12)\n"));
        Assert.AreEqual(1, StageQuery.ReadCores("== Physical Plan ==\nsomething else"));
    }

    [TestMethod]
    [DataRow(2, 100, "10", "4", 13)]
    [DataRow(2, 1000, "10", "4", 40)]
    [DataRow(2, 1000, null, null, 125)]
    [DataRow(2, 1000, "2147483647", "4", 125)]
    [DataRow(8, 13, "10", "4", 8)]
    public void Cores_ThatComeAsTheyAreNeeded_AreAskedFor(int now, int parts, string? executors, string? each, int expected) =>
        Assert.AreEqual(expected, StageQuery.CoresToAskFor(now, parts, executors, each));

    [TestMethod]
    public void Query_NamesEveryPartOnce() =>
        StringAssert.Contains(StageQuery.Files([0, 1, 1, 0, 0], 2, "w"), "array(array(0, 3, 4), array(1, 2))");

    [TestMethod]
    public void Deal_SharesLargeAndSmallPartsOut()
    {
        // 8 parts of a large split, 8 of a small one: one process must not get the large ones.
        var images = Enumerable.Repeat(100, 8).Concat(Enumerable.Repeat(9, 8)).ToArray();
        var sums = StageQuery.Deal(images, 2).Zip(images).GroupBy(p => p.First, p => p.Second).Select(g => g.Sum()).ToArray();
        CollectionAssert.AreEqual(new[] { 436, 436 }, sums);
    }

    [TestMethod]
    public void WorkerRow_RefusesWhatItDidNotWrite()
    {
        foreach (var (kind, task, a, b) in new[] { (null, null, null, null), ("part", "0", "x", "{}"), ("part", "0", "", "{"), ("fail", "0", "MNC1", "no json"), ("fail", "one", "MNC1", "\"\""), ("other", "0", "a", "b") })
            Assert.AreEqual("MNC6042", Assert.ThrowsExactly<MlNetCifarException>(() => WorkerRow.Parse(kind, task, a, b)).Code);
        var fail = Parse(new WorkerRow(7, null, null, "MNC1201", "tab\there \"and\" ü\n").ToString());
        Assert.AreEqual(7, fail.Task);
        Assert.AreEqual("tab\there \"and\" ü\n", fail.Message);
    }
}
