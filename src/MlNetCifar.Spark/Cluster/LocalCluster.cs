using System.Globalization;
using System.Text;

namespace MlNetCifar.Spark.Cluster;

/// <summary>
/// A development cluster on this machine, loopback only: HDFS, Spark standalone or YARN, and the Connect server.
/// Its state lies in its folder, so another process can ask for it and stop it.
/// </summary>
public sealed class LocalCluster : IAsyncDisposable
{
    const int Attempts = 3;

    static readonly HttpClient s_http = new(new SocketsHttpHandler { UseProxy = false }) { Timeout = TimeSpan.FromSeconds(5) };

    internal LocalCluster(string folder, ClusterState state)
    {
        Folder = folder;
        State = state;
    }

    /// <summary>Data, configuration and logs.</summary>
    public string Folder { get; }

    /// <summary>The daemons, in the order of their start.</summary>
    public IReadOnlyList<ClusterDaemon> Daemons => State.Daemons;

    /// <summary>The Connect server's address (<c>sc://127.0.0.1:port</c>), or null where there is none.</summary>
    public string? Connect => State.Connect > 0 ? string.Create(CultureInfo.InvariantCulture, $"sc://127.0.0.1:{State.Connect}") : null;

    /// <summary>The standalone master's address (<c>spark://127.0.0.1:port</c>), or null where there is none.</summary>
    internal string? SparkMaster => State.Master > 0 ? string.Create(CultureInfo.InvariantCulture, $"spark://127.0.0.1:{State.Master}") : null;

    /// <summary>The file system's address (<c>hdfs://127.0.0.1:port</c>), or null where there is none.</summary>
    public string? FileSystem => State.NameNodeRpc > 0 ? string.Create(CultureInfo.InvariantCulture, $"hdfs://127.0.0.1:{State.NameNodeRpc}") : null;

    /// <summary>The name node's web address, or null where there is none.</summary>
    public Uri? NameNode => State.NameNodeHttp > 0 ? new Uri(string.Create(CultureInfo.InvariantCulture, $"http://127.0.0.1:{State.NameNodeHttp}")) : null;

    /// <summary>The folder to use as SPARK_CONF_DIR.</summary>
    internal string SparkConfiguration => Path.Combine(Folder, "spark-conf");

    /// <summary>The folder to use as HADOOP_CONF_DIR.</summary>
    public string HadoopConfiguration => Path.Combine(Folder, "hadoop-conf");

    /// <summary>Where all daemons log.</summary>
    public string LogFolder => Path.Combine(Folder, "logs");

    internal ClusterState State { get; private set; }

    /// <summary>Starts a cluster and waits until all of it is of use; on failure everything is stopped again.</summary>
    /// <param name="options">What it consists of.</param>
    /// <param name="progress">Told each daemon's name as it comes up.</param>
    /// <param name="cancellationToken">Stops everything again.</param>
    /// <exception cref="MlNetCifarException">No runtime, a daemon that fails, or a folder in use (MNC606x).</exception>
    public static Task<LocalCluster> StartAsync(LocalClusterOptions options, IProgress<string>? progress = null, CancellationToken cancellationToken = default) =>
        StartAsync(options, ClusterPorts.Choose, progress, cancellationToken);

    internal static async Task<LocalCluster> StartAsync(
        LocalClusterOptions options, Func<ClusterPorts> ports, IProgress<string>? progress, CancellationToken cancellationToken)
    {
        var runtime = options.Runtime ?? SparkRuntime.Find();
        var folder = Path.GetFullPath(options.Folder);
        if (ClusterState.Read(folder) is { } old && old.Daemons.Any(d => d.IsAlive))
            throw ClusterErrors.Running(folder);
        if (Directory.Exists(folder) && Directory.EnumerateFileSystemEntries(folder).Any() && ClusterState.Read(folder) is null)
            throw ClusterErrors.NotAClusterFolder(folder);
        options = options with { Folder = folder, Hdfs = options.Hdfs || options.Manager == ClusterManager.Yarn };
        for (var attempt = 1; ; attempt++)
        {
            Directory.CreateDirectory(folder);
            var starter = new ClusterStarter(options, runtime, ports(), progress);
            var cluster = new LocalCluster(folder, new ClusterState());
            try
            {
                await starter.RunAsync(state => cluster.Save(state), cancellationToken).ConfigureAwait(false);
                return cluster;
            }
            catch (MlNetCifarException e) when (attempt < Attempts && ClusterErrors.IsPortTaken(e, cluster.LogFolder))
            {
                await cluster.StopAsync().ConfigureAwait(false);
            }
            catch
            {
                await cluster.StopAsync(keepLogs: true).ConfigureAwait(false);
                throw;
            }
        }
    }

    /// <summary>The cluster whose state lies in a folder, or null where there is none.</summary>
    /// <param name="folder">As given to start.</param>
    public static LocalCluster? Find(string folder) =>
        ClusterState.Read(Path.GetFullPath(folder)) is { } state ? new(Path.GetFullPath(folder), state) : null;

    /// <summary>Stops all daemons, last started first, and removes the folder.</summary>
    /// <param name="keepLogs">Whether the logs stay.</param>
    public async Task StopAsync(bool keepLogs = false)
    {
        foreach (var daemon in State.Daemons.Reverse())
            await daemon.StopAsync(TimeSpan.FromSeconds(daemon.Name == "nodemanager" ? 20 : 10)).ConfigureAwait(false);
        Save(State with { Daemons = [] });
        foreach (var entry in Directory.EnumerateFileSystemEntries(Folder).ToArray())
            if (!keepLogs || entry != LogFolder)
                Remove(entry);
        if (!keepLogs)
            Directory.Delete(Folder);
    }

    static void Remove(string entry)
    {
        if (Directory.Exists(entry))
            Directory.Delete(entry, recursive: true);
        else
            File.Delete(entry);
    }

    /// <summary>Stops the cluster.</summary>
    public async ValueTask DisposeAsync()
    {
        if (Directory.Exists(Folder))
            await StopAsync().ConfigureAwait(false);
    }

    void Save(ClusterState state)
    {
        State = state;
        state.Write(Folder);
    }

    internal static async Task<string?> TryGetAsync(Uri uri, CancellationToken cancellationToken)
    {
        try
        {
            // Read as bytes, since the name node declares a character set by a name that is none.
            return Encoding.UTF8.GetString(await s_http.GetByteArrayAsync(uri, cancellationToken).ConfigureAwait(false));
        }
        catch (Exception e) when (e is HttpRequestException || (e is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            return null;
        }
    }
}
