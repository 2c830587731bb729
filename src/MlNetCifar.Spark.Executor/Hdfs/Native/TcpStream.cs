using System.Net.Sockets;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>
/// Blocking connections: a small file is a handful of reads that are answered within a millisecond, for which waking a thread pool costs more than the read itself.
/// </summary>
static class TcpStream
{
    static readonly TimeSpan s_connectTimeout = TimeSpan.FromSeconds(5);

    /// <summary>Connects.</summary>
    /// <param name="host">Name or address.</param>
    /// <param name="port">Port.</param>
    /// <param name="timeout">Longest wait of a read or a write.</param>
    /// <exception cref="IOException">Nobody answered.</exception>
    public static NetworkStream Connect(string host, int port, TimeSpan timeout)
    {
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            // Not ConnectAsync: a socket used asynchronously once is non-blocking underneath for ever, and every read polls first.
            using (var limit = new CancellationTokenSource(s_connectTimeout))
            using (limit.Token.Register(socket.Dispose))
                socket.Connect(host, port);
            return new(socket, ownsSocket: true) { ReadTimeout = (int)timeout.TotalMilliseconds, WriteTimeout = (int)timeout.TotalMilliseconds };
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            socket.Dispose();
            throw new IOException($"{host}:{port} cannot be reached: {e.Message}", e);
        }
    }
}
