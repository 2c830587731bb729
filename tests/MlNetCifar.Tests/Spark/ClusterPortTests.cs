using System.Net;
using System.Net.Sockets;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>Ports of a local cluster's daemons that another program takes before they listen.</summary>
[TestClass]
public sealed class ClusterPortTests
{
    [TestMethod]
    public void Take_GivesPortsThatNobodyIsGivenWhoAsksForAny()
    {
        var ports = LocalPorts.Take(200);
        CollectionAssert.AllItemsAreUnique(ports);
        Assert.IsLessThan(LocalPorts.DynamicStart(), ports.Max());
        Assert.IsGreaterThanOrEqualTo(1024, ports.Min());
    }

    [TestMethod]
    [TestCategory("Spark")]
    [TestCategory("Slow")]
    [DataRow(nameof(ClusterPorts.NameNodeHttp), ClusterManager.None)]
    [DataRow(nameof(ClusterPorts.Master), ClusterManager.Standalone)]
    public async Task Start_WithAPortThatIsTakenMeanwhile_TakesOthers(string which, ClusterManager manager)
    {
        using var folder = new TestFolder();
        using var other = new TcpListener(IPAddress.Loopback, 0);
        other.Start();
        var taken = ((IPEndPoint)other.LocalEndpoint).Port;
        var starts = 0;
        var options = new LocalClusterOptions { Folder = folder["cluster"], Manager = manager, Hdfs = manager == ClusterManager.None, Runtime = SparkFixture.Runtime() };
        await using var cluster = await LocalCluster.StartAsync(options, Ports, null, CancellationToken.None);
        Assert.AreEqual(2, starts);
        Assert.IsTrue(cluster.Daemons.All(daemon => daemon.IsAlive));

        ClusterPorts Ports()
        {
            var ports = ClusterPorts.Choose();
            if (starts++ > 0)
                return ports;
            return which == nameof(ClusterPorts.Master) ? ports with { Master = taken } : ports with { NameNodeHttp = taken };
        }
    }
}
