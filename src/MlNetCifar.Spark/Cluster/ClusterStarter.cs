using System.Diagnostics;
using System.Globalization;

namespace MlNetCifar.Spark.Cluster;

/// <summary>Starts the daemons of one cluster in the order of their needs; what can start side by side does.</summary>
sealed class ClusterStarter
{
    readonly LocalClusterOptions _options;
    readonly SparkRuntime _runtime;
    readonly ClusterPorts _ports;
    readonly ClusterConfiguration _configuration;
    readonly IProgress<string>? _progress;
    ClusterState _state = new();

    public ClusterStarter(LocalClusterOptions options, SparkRuntime runtime, ClusterPorts ports, IProgress<string>? progress)
    {
        if (options.Hdfs && runtime.HadoopHome is null)
            throw ClusterErrors.NoRuntime();
        _options = options;
        _runtime = runtime;
        _progress = progress;
        _ports = ports;
        _configuration = new(options, runtime, ports);
    }

    public async Task RunAsync(Action<ClusterState> save, CancellationToken cancellationToken)
    {
        _configuration.Write();
        _state = new()
        {
            Connect = _options.Manager == ClusterManager.None ? 0 : _ports.Connect,
            Master = _options.Manager == ClusterManager.Standalone ? _ports.Master : 0,
            NameNodeRpc = _options.Hdfs ? _ports.NameNodeRpc : 0,
            NameNodeHttp = _options.Hdfs ? _ports.NameNodeHttp : 0,
        };
        save(_state);
        if (_options.Hdfs)
            await StartHdfsAsync(save, cancellationToken).ConfigureAwait(false);
        if (_options.Manager == ClusterManager.Standalone)
            await StartStandaloneAsync(save, cancellationToken).ConfigureAwait(false);
        else if (_options.Manager == ClusterManager.Yarn)
            await StartYarnAsync(save, cancellationToken).ConfigureAwait(false);
        if (_options.Hdfs)
            await WaitAsync("datanode", Jmx, t => t.Contains("\"NumLiveDataNodes\" : 1", StringComparison.Ordinal), cancellationToken).ConfigureAwait(false);
        if (_options.Manager != ClusterManager.None)
            await StartConnectAsync(save, cancellationToken).ConfigureAwait(false);
    }

    Uri Jmx => Local(_ports.NameNodeHttp, "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState");

    static Uri Local(int port, string path) => new(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{port}{path}"));

    static string Text(int number) => number.ToString(CultureInfo.InvariantCulture);

    string Hadoop(string name) => Path.Combine(_runtime.HadoopHome!, "bin", name);

    string Spark(string name) => Path.Combine(_runtime.SparkHome, "bin", name);

    async Task StartHdfsAsync(Action<ClusterState> save, CancellationToken cancellationToken)
    {
        var format = Launch("format", Hadoop("hdfs"), ["namenode", "-format", "-nonInteractive", "-force"], save);
        var watch = Stopwatch.StartNew();
        await UntilAsync(format.Name, () => Task.FromResult(!format.IsAlive), cancellationToken).ConfigureAwait(false);
        if (!Directory.Exists(_configuration.Folder("nn")))
            throw ClusterErrors.NotUp(format, watch.Elapsed);
        _state = _state with { Daemons = [] };
        Launch("namenode", Hadoop("hdfs"), ["namenode"], save);
        Launch("datanode", Hadoop("hdfs"), ["datanode"], save);
    }

    async Task StartStandaloneAsync(Action<ClusterState> save, CancellationToken cancellationToken)
    {
        Launch("master", Spark("spark-class"), ["org.apache.spark.deploy.master.Master", "--host", "127.0.0.1",
            "--port", Text(_ports.Master), "--webui-port", Text(_ports.MasterUi)], save);
        var cores = _options.Executors * _options.ExecutorCores;
        var memory = _options.Executors * (_options.ExecutorMemory + 64);
        await UntilAsync("master", () => LocalPorts.IsOpenAsync(_ports.Master, cancellationToken), cancellationToken).ConfigureAwait(false);
        Launch("worker", Spark("spark-class"), ["org.apache.spark.deploy.worker.Worker", $"spark://127.0.0.1:{_ports.Master}", "--host", "127.0.0.1",
            "--cores", Text(cores), "--memory", $"{memory}m", "--webui-port", "0"], save);
        await WaitAsync("worker", Local(_ports.MasterUi, "/json/"), t => t.Contains("\"aliveworkers\" : 1", StringComparison.Ordinal), cancellationToken).ConfigureAwait(false);
    }

    async Task StartYarnAsync(Action<ClusterState> save, CancellationToken cancellationToken)
    {
        Launch("resourcemanager", Hadoop("yarn"), ["resourcemanager"], save);
        Launch("nodemanager", Hadoop("yarn"), ["nodemanager"], save);
        await WaitAsync("nodemanager", Local(_ports.ResourceManager[4], "/ws/v1/cluster/metrics"),
            t => t.Contains("\"activeNodes\":1", StringComparison.Ordinal), cancellationToken).ConfigureAwait(false);
    }

    async Task StartConnectAsync(Action<ClusterState> save, CancellationToken cancellationToken)
    {
        string[] master = _options.Manager == ClusterManager.Yarn ? ["yarn", "--deploy-mode", "client"] : [$"spark://127.0.0.1:{_ports.Master}"];
        Launch("connect", Spark("spark-submit"), ["--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
            "--name", "mlnetcifar", "--master", .. master, "spark-internal"], save);
        await UntilAsync("connect", () => LocalPorts.IsOpenAsync(_ports.Connect, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    ClusterDaemon Launch(string name, string command, IEnumerable<string> arguments, Action<ClusterState> save)
    {
        var environment = _configuration.Environment(_options.DaemonMemory);
        if (name == "connect")
        {
            // This variable would override spark.driver.memory.
            environment["SPARK_DAEMON_MEMORY"] = null;
            environment["SPARK_DAEMON_JAVA_OPTS"] = null;
        }

        var daemon = ClusterDaemon.Start(name, command, arguments, environment, Path.Combine(_configuration.LogFolder, $"{name}.log"));
        _state = _state with { Daemons = [.. _state.Daemons, daemon] };
        save(_state);
        return daemon;
    }

    Task WaitAsync(string name, Uri uri, Func<string, bool> isReady, CancellationToken cancellationToken) =>
        UntilAsync(name, async () => await LocalCluster.TryGetAsync(uri, cancellationToken).ConfigureAwait(false) is { } text && isReady(text), cancellationToken);

    async Task UntilAsync(string name, Func<Task<bool>> isReady, CancellationToken cancellationToken)
    {
        var daemon = _state.Daemons.Last(d => d.Name == name);
        for (var watch = Stopwatch.StartNew(); !await isReady().ConfigureAwait(false);)
        {
            // One may wait for another that has ended; and what is waited for may be that one ends.
            if (_state.Daemons.FirstOrDefault(d => !d.IsAlive) is { } ended && !await isReady().ConfigureAwait(false))
                throw ClusterErrors.NotUp(ended, watch.Elapsed);
            if (watch.Elapsed > _options.StartTimeout)
                throw ClusterErrors.NotUp(daemon, watch.Elapsed);
            await Task.Delay(100, cancellationToken).ConfigureAwait(false);
        }

        _progress?.Report(name);
    }
}
