using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Import;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Benchmarks;

/// <summary>
/// Speed of the image stage on a standalone cluster with two executors of one core over HDFS, beside a PySpark program on the same cluster:
/// a round of ours, the peer's runs, a round of ours. Each side's first run warms it and is not counted.
/// </summary>
static class SparkBenchmark
{
    const int Executors = 2;

    /// <summary>Measures and prints a table and the greatest memory of a worker process.</summary>
    /// <param name="args">
    /// Pairs of option and value: <c>--data</c> folder or archive, <c>--size</c>, <c>--parts</c>, <c>--runs</c> a round, <c>--worker</c>;
    /// <c>--peer</c> program, <c>--pyspark</c> folder of pyspark.zip and py4j, <c>--python</c>; <c>--pack true</c> for Parquet beside files.
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

    // The peer is an application of its own: the cluster has cores for two, each takes half of them and rests while the other is measured.
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
        var peer = new List<double>();
        var images = 0;
        using var memory = new WorkerMemory();
        async Task RoundAsync()
        {
            foreach (var (name, input, master) in Rows(o, files, packed, cluster.Connect!))
            {
                var options = new SparkPrepareOptions
                {
                    Input = input,
                    Output = $"{cluster.FileSystem}/shards",
                    Master = master,
                    Shards = new() { Spec = new() { Width = o.Size, Height = o.Size }, Parts = o.Parts, Threads = 2 },
                    WorkerPath = o.Worker,
                    Hadoop = hadoop,
                };
                if (!ours.TryGetValue(name, out var seconds))
                {
                    await RunOnceAsync(options, cluster);
                    ours.Add(name, seconds = []);
                }

                for (var run = 0; run < o.Runs; run++)
                {
                    var (count, time) = await RunOnceAsync(options, cluster);
                    seconds.Add(time);
                    Console.WriteLine(FormattableString.Invariant($"{name}: {count} images, {time:F2} s"));
                    images = Math.Max(images, count);
                }
            }
        }

        await RoundAsync();
        if (o.Peer is not null)
            peer.AddRange(Peer(o, Path.Combine(folder, "peer"), files, cluster).Skip(1));
        await RoundAsync();
        var theirs = peer.Count > 0 ? Timing.Median(peer) : double.NaN;
        Console.WriteLine("| work | s, median [least, greatest] | images/s | against the peer |\n| --- | --- | --- | --- |");
        foreach (var (name, seconds) in ours)
            PrintRow(name, seconds, images, theirs);
        if (peer.Count > 0)
            PrintRow("peer, files, HDFS → local disk", peer, images, theirs);
        Console.WriteLine($"greatest VmHWM of a worker process: {memory.Peak / 1024} MiB");
    }

    static IEnumerable<(string Name, string Input, string Master)> Rows(Settings o, string files, string packed, string connect)
    {
        yield return ("standalone, files, HDFS → HDFS", files, connect);
        if (o.Pack)
            yield return ("standalone, Parquet, HDFS → HDFS", packed, connect);
        yield return ("local[2], files, HDFS → HDFS", files, "local[2]");
        if (Directory.Exists(o.Data))
            yield return ("local[2], files, disk → HDFS", o.Data, "local[2]");
    }

    static async Task<(int Images, double Seconds)> RunOnceAsync(SparkPrepareOptions options, LocalCluster cluster)
    {
        using (var store = new HdfsFileStore(new(cluster.FileSystem!), new(new() { NameNodes = [cluster.NameNode!] })))
            store.DeleteFolder(options.Output);
        var watch = Stopwatch.StartNew();
        var report = await SparkPrepare.RunAsync(options);
        return (report.Splits.Values.Sum(s => s.Count), watch.Elapsed.TotalSeconds);
    }

    static List<double> Peer(Settings o, string output, string input, LocalCluster cluster)
    {
        var runtime = SparkRuntime.Find();
        var start = new ProcessStartInfo(o.Python, [o.Peer!, "--input", input, "--output", output, "--size", $"{o.Size}", "--parts", $"{o.Parts}",
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

    static void PrintRow(string name, List<double> seconds, int images, double peer) => Console.WriteLine(FormattableString.Invariant(
        $"| {name} | {Timing.Median(seconds):F2} [{seconds.Min():F2}, {seconds.Max():F2}] | {images / Timing.Median(seconds):F0} | {peer / Timing.Median(seconds):F2}× |"));

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

        public string? Worker => Text("--worker");

        public string? Peer => Text("--peer");

        public string? PySpark => Text("--pyspark");

        public string Python => Text("--python") ?? "/usr/bin/python3";

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
