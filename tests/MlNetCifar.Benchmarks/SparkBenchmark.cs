using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Import;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// Speed of the image stage on a standalone cluster with two executors of one core over HDFS, beside PySpark programs on the same cluster:
/// a round of ours, a peer's runs, a round of ours, the next peer's. Each side's first run warms it and is not counted.
/// </summary>
static class SparkBenchmark
{
    const int Executors = 2;

    /// <summary>Measures and prints a table and the greatest memory of a worker process.</summary>
    /// <param name="args">
    /// Pairs of option and value: <c>--data</c> folder or archive, <c>--size</c>, <c>--parts</c>, <c>--runs</c> a round, <c>--worker</c> one or more programs, separated by commas;
    /// <c>--peer</c> one or more programs, each with options of its own if need be, <c>--pyspark</c> folder of pyspark.zip and py4j, <c>--python</c>; <c>--pack true</c> for Parquet beside files.
    /// </param>
    public static async Task<int> RunAsync(string[] args)
    {
        var o = new Settings(args);
        var folder = Directory.CreateTempSubdirectory("mlnetcifar-bench-").FullName;
        try
        {
            var cluster = await StartAsync(o, Path.Combine(folder, "cluster"));
            await using (cluster)
                await MeasureAsync(o, folder, cluster);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        return 0;
    }

    // A peer is an application of its own: the cluster has cores for two, each takes half of them and rests while the other is measured.
    static Task<LocalCluster> StartAsync(Settings o, string folder) => LocalCluster.StartAsync(new()
    {
        Folder = folder,
        Executors = 2 * Executors,
        ExecutorMemory = 1024,
        DriverMemory = 1024,
        DaemonMemory = 512,
        SparkProperties = new Dictionary<string, string> { ["spark.cores.max"] = Executors.ToString(CultureInfo.InvariantCulture) },
        Environment = o.PySpark is { } python ? new Dictionary<string, string> { ["PYTHONPATH"] = PythonPath(python) } : [],
    });

    static string PythonPath(string folder) => string.Join(':', Directory.EnumerateFiles(folder, "*.zip").Order(StringComparer.Ordinal));

    static async Task MeasureAsync(Settings o, string folder, LocalCluster cluster)
    {
        var hadoop = HadoopConfiguration.Load(cluster.HadoopConfiguration);
        var files = $"{cluster.FileSystem}/files";
        var packed = $"{cluster.FileSystem}/packed";
        var watch = Stopwatch.StartNew();
        var import = new HdfsImportOptions { Source = o.Data, Target = files, Hadoop = hadoop };
        var report = await HdfsImport.RunAsync(import);
        Print("import as files", report.Files, watch);
        if (o.Pack)
        {
            watch.Restart();
            report = await HdfsImport.RunAsync(import with { Target = packed, PackParquet = true });
            Print("import packed", report.Files, watch);
        }

        var ours = new Dictionary<string, List<double>>();
        var peers = new Dictionary<string, List<double>>();
        var images = 0;
        using var memory = new WorkerMemory();
        async Task RoundAsync()
        {
            foreach (var (name, input, master, worker) in Rows(o, files, packed, cluster.Connect!))
            {
                var options = new SparkPrepareOptions
                {
                    Input = input,
                    Output = $"{cluster.FileSystem}/shards",
                    Master = master,
                    Shards = new() { Spec = new() { Width = o.Size, Height = o.Size }, Parts = o.Parts, Threads = 2 },
                    WorkerPath = worker,
                    Hadoop = hadoop,
                };
                if (!ours.TryGetValue(name, out var seconds))
                {
                    await RunOnceAsync(options, cluster);
                    ours.Add(name, seconds = []);
                }

                for (var run = 0; run < o.Runs; run++)
                {
                    var (count, time, detail) = await RunOnceAsync(options, cluster);
                    seconds.Add(time);
                    Console.WriteLine(FormattableString.Invariant($"{name}: {count} images, {time:F2} s ({detail})"));
                    images = Math.Max(images, count);
                }
            }
        }

        await RoundAsync();
        foreach (var peer in o.Peers)
        {
            peers.Add(peer, [.. Peer(o, peer, Path.Combine(folder, $"peer{peers.Count}"), files, cluster).Skip(1)]);
            await RoundAsync();
        }

        Console.WriteLine($"| work | s, median [least, greatest] | images/s |{string.Concat(o.Peers.Select(p => $" against {p} |"))}\n| --- | --- | --- |{string.Concat(o.Peers.Select(_ => " --- |"))}");
        foreach (var (name, seconds) in ours.Concat(peers))
            PrintRow(name, seconds, images, [.. o.Peers.Select(p => Timing.Median(peers[p]))]);
        Console.WriteLine($"greatest VmHWM of a worker process: {memory.Peak / 1024} MiB");
    }

    static IEnumerable<(string Name, string Input, string Master, string? Worker)> Rows(Settings o, string files, string packed, string connect)
    {
        foreach (var worker in o.Workers)
        {
            var name = o.Workers.Length > 1 ? $" by {worker}" : "";
            yield return ($"standalone, files, HDFS → HDFS{name}", files, connect, worker);
            if (o.Pack)
                yield return ($"standalone, Parquet, HDFS → HDFS{name}", packed, connect, worker);
        }

        yield return ("local[2], files, HDFS → HDFS", files, "local[2]", null);
        if (Directory.Exists(o.Data))
            yield return ("local[2], files, disk → HDFS", o.Data, "local[2]", null);
    }

    static async Task<(int Images, double Seconds, string Detail)> RunOnceAsync(SparkPrepareOptions options, LocalCluster cluster)
    {
        using (var store = new HdfsFileStore(new(cluster.FileSystem!), new(new() { NameNodes = [cluster.NameNode!] })))
            store.DeleteFolder(options.Output);
        var phases = new Phases();
        var parts = new ConcurrentBag<PartTiming>();
        var before = CoreSeconds.Of(cluster);
        var watch = Stopwatch.StartNew();
        var report = await SparkPrepare.RunAsync(options with { OnPart = parts.Add }, phases);
        var seconds = watch.Elapsed.TotalSeconds;
        var cores = CoreSeconds.Of(cluster).Select(c => FormattableString.Invariant($"{c.Key} {c.Value - before.GetValueOrDefault(c.Key):F2}"));
        var work = parts.IsEmpty ? "" : FormattableString.Invariant($", parts built in {parts.Sum(p => p.Build.TotalSeconds):F2} s and written in {parts.Sum(p => p.Write.TotalSeconds):F2} s");
        return (report.Splits.Values.Sum(s => s.Count), seconds, $"{phases}{work}; core seconds: {string.Join(", ", cores)}");
    }

    static List<double> Peer(Settings o, string program, string output, string input, LocalCluster cluster)
    {
        var runtime = SparkRuntime.Find();
        var start = new ProcessStartInfo(o.Python, [.. program.Split(' '), "--input", input, "--output", output, "--size", $"{o.Size}", "--parts", $"{o.Parts}",
            "--master", cluster.SparkMaster!, "--runs", $"{(2 * o.Runs) + 1}"])
        { RedirectStandardOutput = true };
        start.Environment["SPARK_HOME"] = runtime.SparkHome;
        start.Environment["JAVA_HOME"] = runtime.JavaHome;
        start.Environment["SPARK_CONF_DIR"] = cluster.SparkConfiguration;
        start.Environment["HADOOP_CONF_DIR"] = cluster.HadoopConfiguration;
        start.Environment["SPARK_LOCAL_IP"] = "127.0.0.1";
        start.Environment["PYTHONPATH"] = PythonPath(o.PySpark ?? throw new ArgumentException("--peer needs --pyspark."));
        using var process = Process.Start(start)!;
        var seconds = new List<double>();
        while (process.StandardOutput.ReadLine() is { } line)
        {
            Console.WriteLine(line);
            using var json = JsonDocument.Parse(line);
            seconds.Add(json.RootElement.GetProperty("seconds").GetDouble());
        }

        process.WaitForExit();
        return process.ExitCode == 0 ? seconds : throw new InvalidOperationException($"The peer ended with {process.ExitCode}.");
    }

    static void Print(string what, int images, Stopwatch watch) =>
        Console.WriteLine(FormattableString.Invariant($"{what}: {images} files, {watch.Elapsed.TotalSeconds:F1} s, {images / watch.Elapsed.TotalSeconds:F0} files/s"));

    static void PrintRow(string name, List<double> seconds, int images, double[] peers) => Console.WriteLine(FormattableString.Invariant(
        $"| {name} | {Timing.Median(seconds):F2} [{seconds.Min():F2}, {seconds.Max():F2}] | {images / Timing.Median(seconds):F0} |")
        + string.Concat(peers.Select(p => FormattableString.Invariant($" {p / Timing.Median(seconds):F2}× |"))));

    /// <summary>What the processes of a cluster have taken of the cores so far, and this one.</summary>
    static class CoreSeconds
    {
        const double TicksPerSecond = 100;

        public static SortedDictionary<string, double> Of(LocalCluster cluster)
        {
            var found = new SortedDictionary<string, double> { ["driver"] = Environment.CpuUsage.TotalTime.TotalSeconds };
            foreach (var daemon in cluster.Daemons)
                found[daemon.Name] = Read(daemon.ProcessId).Own;
            foreach (var folder in Directory.EnumerateDirectories("/proc").Where(f => int.TryParse(Path.GetFileName(f), out _)))
            {
                try
                {
                    var command = File.ReadAllText($"{folder}/cmdline");
                    if (!command.Contains("CoarseGrainedExecutorBackend", StringComparison.Ordinal) || !command.Contains(cluster.Folder, StringComparison.Ordinal))
                        continue;
                    var (own, children) = Read(int.Parse(Path.GetFileName(folder), CultureInfo.InvariantCulture));
                    found["executors"] = found.GetValueOrDefault("executors") + own;
                    // An executor's children are the workers, and count once they have ended.
                    found["workers"] = found.GetValueOrDefault("workers") + children;
                }
                catch (IOException)
                {
                    // It has just ended.
                }
            }

            return found;
        }

        static (double Own, double Children) Read(int process)
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            var times = text[(text.LastIndexOf(')') + 2)..].Split(' ')[11..15].Select(t => long.Parse(t, CultureInfo.InvariantCulture) / TicksPerSecond).ToArray();
            return (times[0] + times[1], times[2] + times[3]);
        }
    }

    /// <summary>When each phase of a run began, and when the first part was committed.</summary>
    sealed class Phases : IProgress<SparkPrepareProgress>
    {
        readonly List<string> _seen = [];
        string _last = "";

        public void Report(SparkPrepareProgress value)
        {
            var name = value.Images > 0 && value.Phase == "run" ? "first part" : value.Phase;
            lock (_seen)
            {
                if (name == _last)
                    return;
                _last = name;
                _seen.Add(FormattableString.Invariant($"{name} {value.Elapsed.TotalSeconds:F2}"));
            }
        }

        public override string ToString() => string.Join(", ", _seen);
    }

    /// <summary>Options in pairs.</summary>
    sealed class Settings
    {
        readonly Dictionary<string, string> _values;

        public Settings(string[] args) => _values = args.Chunk(2).ToDictionary(p => p[0], p => p[1]);

        public string Data => Path.GetFullPath(_values["--data"]);

        public int Size => Number("--size", 64);

        public int Parts => Number("--parts", 13);

        public int Runs => Number("--runs", 3);

        public bool Pack => Text("--pack") == "true";

        public string?[] Workers => List("--worker") is { Length: > 0 } several ? several : new string?[1];

        public string[] Peers => List("--peer");

        public string? PySpark => Text("--pyspark");

        public string Python => Text("--python") ?? "/usr/bin/python3";

        string[] List(string name) => Text(name)?.Split(',') ?? [];

        string? Text(string name) => _values.GetValueOrDefault(name);

        int Number(string name, int value) => Text(name) is { } text ? int.Parse(text, CultureInfo.InvariantCulture) : value;
    }

    /// <summary>Looks at the worker processes of this machine four times a second.</summary>
    sealed class WorkerMemory : IDisposable
    {
        readonly Timer _timer;
        long _peak;

        public WorkerMemory() => _timer = new(_ => Look(), null, 0, 250);

        /// <summary>KiB.</summary>
        public long Peak => Volatile.Read(ref _peak);

        public void Dispose() => _timer.Dispose();

        void Look()
        {
            foreach (var process in Process.GetProcessesByName("mlnetcifar-worker"))
            {
                using (process)
                {
                    try
                    {
                        var line = File.ReadLines($"/proc/{process.Id}/status").FirstOrDefault(l => l.StartsWith("VmHWM:", StringComparison.Ordinal));
                        if (line is not null)
                            _peak = Math.Max(_peak, long.Parse(line.AsSpan(6).TrimEnd("kB"), NumberStyles.AllowLeadingWhite | NumberStyles.AllowTrailingWhite, CultureInfo.InvariantCulture));
                    }
                    catch (IOException)
                    {
                        // It has just ended.
                    }
                }
            }
        }
    }
}
