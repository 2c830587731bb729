using System.Globalization;
using System.Net;
using System.Net.Sockets;

namespace MlNetCifar.Spark.Cluster;

/// <summary>Free ports of the loopback address.</summary>
static class LocalPorts
{
    /// <summary>The lowest that is taken: what is known by a fixed number lies mostly below.</summary>
    internal const int First = 10_000;

    const int Attempts = 1_000;

    // What Linux tells; elsewhere the range that is set aside for it (RFC 6335).
    const string RangeFile = "/proc/sys/net/ipv4/ip_local_port_range";
    const int DynamicFirst = 49_152;

    /// <summary>
    /// Takes ports that are free now; all are held until the last is known, so they differ. None of those that the system gives to whoever asks for any: until its daemon listens,
    /// a connection of another program could get it.
    /// </summary>
    public static int[] Take(int count)
    {
        var end = DynamicStart();
        var listeners = new List<TcpListener>(count);
        try
        {
            for (var left = Attempts; listeners.Count < count; left--)
            {
                var listener = new TcpListener(IPAddress.Loopback, end > First + Attempts ? Random.Shared.Next(First, end) : 0);
                try
                {
                    listener.Start();
                    listeners.Add(listener);
                }
                catch (SocketException) when (left > 0)
                {
                    listener.Dispose();
                }
            }

            return [.. listeners.Select(l => ((IPEndPoint)l.LocalEndpoint).Port)];
        }
        finally
        {
            foreach (var listener in listeners)
                listener.Dispose();
        }
    }

    /// <summary>The first port that the system gives to whoever asks for any.</summary>
    internal static int DynamicStart() =>
        File.Exists(RangeFile) && int.TryParse(File.ReadAllText(RangeFile).Split('\t', ' ')[0], CultureInfo.InvariantCulture, out var first) ? first : DynamicFirst;

    /// <summary>Whether something listens on a port.</summary>
    public static async Task<bool> IsOpenAsync(int port, CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        try
        {
            await client.ConnectAsync(IPAddress.Loopback, port, cancellationToken).ConfigureAwait(false);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
