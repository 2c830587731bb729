using System.Xml.Linq;
using MlNetCifar.Spark.Cluster;

namespace MlNetCifar.Tests.Spark;

/// <summary>Daemons of a test's YARN cluster that can be killed and started again as they were; those that replaced others are stopped in the end.</summary>
sealed class MortalDaemons : IAsyncDisposable
{
    static readonly TimeSpan s_patience = TimeSpan.FromMinutes(4);
    static readonly TimeSpan s_newMaster = TimeSpan.FromSeconds(30);

    readonly LocalCluster _cluster;
    readonly Uri _resourceManager;
    readonly Dictionary<string, ClusterDaemon> _alive = [];
    readonly Dictionary<string, (string[] Command, Dictionary<string, string?> Environment)> _birth = [];

    public MortalDaemons(LocalCluster cluster)
    {
        _cluster = cluster;
        var site = XDocument.Load(Path.Combine(cluster.HadoopConfiguration, "yarn-site.xml"));
        var address = site.Descendants("property").Single(p => (string?)p.Element("name") == "yarn.resourcemanager.webapp.address").Element("value")!.Value;
        _resourceManager = new($"http://{address}/ws/v1/cluster/metrics");
        foreach (var daemon in cluster.Daemons)
        {
            _alive[daemon.Name] = daemon;
            var environment = Texts(daemon.ProcessId, "environ").Select(e => e.Split('=', 2)).Where(e => e.Length == 2).ToDictionary(e => e[0], e => (string?)e[1]);
            _birth[daemon.Name] = (Texts(daemon.ProcessId, "cmdline"), environment);
        }
    }

    /// <summary>Kills one, and starts it again after a time.</summary>
    public async Task KillAsync(string name, TimeSpan dead)
    {
        var victim = _alive[name];
        victim.Signal(ClusterDaemon.KillNow);
        for (var i = 0; victim.IsAlive && i < 100; i++)
            await Task.Delay(50);
        await Task.Delay(dead);
        var (command, environment) = _birth[name];
        _alive[name] = ClusterDaemon.Start(name, command[0], command[1..], environment, victim.Log);
    }

    /// <summary>
    /// Waits until all of them work: the name node out of safe mode with its data node, the node manager known, the server listening. Where YARN has given up the server's
    /// application, as after losing its master too often, the server is started again, as whoever runs one would have it.
    /// </summary>
    public async Task RecoveredAsync()
    {
        var jmx = new Uri(_cluster.NameNode!, "/jmx?qry=Hadoop:service=NameNode,name=FSNamesystemState");
        await UntilAsync("name node", async () => await LocalCluster.TryGetAsync(jmx, default) is { } state
            && state.Contains("\"NumLiveDataNodes\" : 1", StringComparison.Ordinal) && state.Contains("\"Operational\"", StringComparison.Ordinal));
        await UntilAsync("node manager", async () => await LocalCluster.TryGetAsync(_resourceManager, default) is { } state && state.Contains("\"activeNodes\":1", StringComparison.Ordinal));
        for (var end = DateTime.UtcNow + s_newMaster; !await IsRunningAsync() && DateTime.UtcNow < end;)
            await Task.Delay(200);
        if (!await IsRunningAsync())
            await KillAsync("connect", TimeSpan.Zero);
        await UntilAsync("connect server", IsRunningAsync);
    }

    async Task<bool> IsRunningAsync() => await LocalPorts.IsOpenAsync(new Uri(_cluster.Connect!).Port, default)
        && await LocalCluster.TryGetAsync(_resourceManager, default) is { } state && !state.Contains("\"appsRunning\":0", StringComparison.Ordinal);

    /// <summary>The ends of all logs.</summary>
    public string LastWords() => string.Join('\n', _alive.Values.Select(d => $"{d.Name} {(d.IsAlive ? "lives" : "is dead")}: {d.LogTail(30)}"));

    async Task UntilAsync(string what, Func<Task<bool>> isTrue)
    {
        for (var end = DateTime.UtcNow + s_patience; !await isTrue();)
        {
            Assert.IsTrue(DateTime.UtcNow < end, $"The {what} has not come back.\n{LastWords()}");
            await Task.Delay(200);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var daemon in _alive.Values.Except(_cluster.Daemons).Reverse())
            await daemon.StopAsync(TimeSpan.FromSeconds(20));
    }

    static string[] Texts(int process, string file) => File.ReadAllText($"/proc/{process}/{file}").Split('\0', StringSplitOptions.RemoveEmptyEntries);
}
