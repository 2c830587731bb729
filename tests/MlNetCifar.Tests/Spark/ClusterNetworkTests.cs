using System.Globalization;
using System.Net;
using MlNetCifar.Spark.Cluster;
using MlNetCifar.Spark.Connect;

namespace MlNetCifar.Tests.Spark;

/// <summary>Nothing that a local cluster starts can be reached from another machine, or stands in the way of a second cluster.</summary>
[TestClass]
[TestCategory("Spark")]
[DoNotParallelize]
public sealed class ClusterNetworkTests
{
    const string Listening = "0A";

    [TestMethod]
    public async Task Cluster_ListensOnLoopbackOnly_AndOnNoFixedPort()
    {
        var cluster = await SparkFixture.ClusterAsync();
        // A query has the executors start, which listen too.
        await using var session = await SparkSession.ConnectAsync(cluster.Connect!);
        Assert.HasCount(1, await session.Sql("SELECT count(*) FROM range(0, 4, 1, 4)").CollectAsync());
        var groups = cluster.Daemons.Select(d => d.ProcessId).ToHashSet();
        var sockets = Processes().Where(p => groups.Contains(GroupOf(p))).SelectMany(Sockets).ToHashSet();
        var open = Listeners().Where(l => sockets.Contains(l.Socket)).Select(l => l.Address).ToArray();
        Assert.IsGreaterThan(cluster.Daemons.Count, open.Length);
        Assert.AreEqual("", string.Join(", ", open.Where(a => !IPAddress.IsLoopback(a.Address))));
        var lowest = Math.Min(LocalPorts.First, LocalPorts.DynamicStart());
        Assert.AreEqual("", string.Join(", ", open.Where(a => a.Port < lowest)));
    }

    static IEnumerable<int> Processes() => Directory.EnumerateDirectories("/proc").Select(Path.GetFileName).Where(n => n!.All(char.IsAsciiDigit)).Select(int.Parse!);

    static int GroupOf(int process)
    {
        try
        {
            var text = File.ReadAllText($"/proc/{process}/stat");
            return int.Parse(text[(text.LastIndexOf(')') + 2)..].Split(' ')[2], CultureInfo.InvariantCulture);
        }
        catch (IOException)
        {
            return 0;
        }
    }

    static string[] Sockets(int process)
    {
        try
        {
            return [.. new DirectoryInfo($"/proc/{process}/fd").EnumerateFileSystemInfos().Select(f => f.LinkTarget).Where(t => t?.StartsWith("socket:[", StringComparison.Ordinal) == true)
                .Select(t => t!["socket:[".Length..^1])];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    static IEnumerable<(string Socket, IPEndPoint Address)> Listeners() =>
        from file in new[] { "/proc/net/tcp", "/proc/net/tcp6" }
        where File.Exists(file)
        from line in File.ReadLines(file).Skip(1)
        let fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries)
        where fields[3] == Listening
        select (fields[9], Parse(fields[1]));

    // The kernel writes an address as 32-bit words of this machine's byte order.
    static IPEndPoint Parse(string text)
    {
        var (words, port) = (Convert.FromHexString(text[..^5]), Convert.ToInt32(text[^4..], 16));
        if (BitConverter.IsLittleEndian)
            for (var i = 0; i < words.Length; i += 4)
                Array.Reverse(words, i, 4);
        var address = new IPAddress(words);
        return new(address.IsIPv4MappedToIPv6 ? address.MapToIPv4() : address, port);
    }
}
