using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Tests.Spark;

/// <summary>The one cluster that all tests with real daemons share: started by the first, stopped after the last.</summary>
[TestClass]
public sealed class SparkFixture
{
    static readonly SemaphoreSlim s_gate = new(1);
    static LocalCluster? s_cluster;

    public static async Task<LocalCluster> ClusterAsync()
    {
        await s_gate.WaitAsync();
        try
        {
            return s_cluster ??= await StartAsync(ClusterManager.Standalone);
        }
        finally
        {
            s_gate.Release();
        }
    }

    /// <summary>Spark and Hadoop; inconclusive where they are not found.</summary>
    public static SparkRuntime Runtime()
    {
        try
        {
            return SparkRuntime.Find();
        }
        catch (MlNetCifarException e)
        {
            throw new AssertInconclusiveException(e.Message);
        }
    }

    /// <summary>A cluster of its own; inconclusive where no runtime is found.</summary>
    public static async Task<LocalCluster> StartAsync(ClusterManager manager, Func<LocalClusterOptions, LocalClusterOptions>? change = null)
    {
        var options = new LocalClusterOptions
        {
            Folder = Path.Combine(Path.GetTempPath(), $"mlnetcifar-cluster-{Guid.NewGuid():N}"),
            Manager = manager,
            Runtime = Runtime(),
        };
        return await LocalCluster.StartAsync(change?.Invoke(options) ?? options);
    }

    public static HdfsFileStore Store(LocalCluster cluster) => new(new(cluster.FileSystem!), Client(cluster));

    public static WebHdfsClient Client(LocalCluster cluster, HttpMessageHandler? handler = null) =>
        new(new() { NameNodes = [cluster.NameNode!], WriteBlock = 1 << 20 }, handler);

    [AssemblyCleanup]
    public static async Task StopAsync()
    {
        if (s_cluster is not null)
            await s_cluster.DisposeAsync();
    }
}
