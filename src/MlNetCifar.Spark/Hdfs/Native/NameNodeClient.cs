namespace MlNetCifar.Spark.Hdfs.Native;

/// <summary>Calls the active one of some name nodes over one connection, which is opened when first needed and again when it broke. Thread-safe; calls wait for each other.</summary>
/// <param name="nodes">RPC addresses, tried in turn.</param>
/// <param name="user">The HDFS user.</param>
/// <param name="timeout">Longest wait for an answer.</param>
sealed class NameNodeClient(IReadOnlyList<Uri> nodes, string user, TimeSpan timeout) : IDisposable
{
    const int DefaultPort = 8020;

    readonly Lock _gate = new();
    NameNodeConnection? _connection;
    int _active;

    /// <summary>Runs a call; where the name node is on standby, on the next one.</summary>
    /// <exception cref="HadoopRpcException">The name node refused.</exception>
    /// <exception cref="IOException">The connection failed; the next call tries the next name node.</exception>
    public T Call<T>(Func<NameNodeConnection, T> call)
    {
        lock (_gate)
        {
            for (var tried = 1; ; tried++)
            {
                try
                {
                    return call(_connection ??= Connect());
                }
                catch (HadoopRpcException e) when (!e.IsStandby || tried >= nodes.Count)
                {
                    throw;
                }
                catch (HadoopRpcException)
                {
                    Next();
                }
                catch
                {
                    Next();
                    throw;
                }
            }
        }
    }

    public void Dispose() => _connection?.Dispose();

    NameNodeConnection Connect()
    {
        var node = nodes[_active];
        var stream = TcpStream.Connect(node.Host, node.Port > 0 ? node.Port : DefaultPort, timeout);
        try
        {
            return new(stream, user);
        }
        catch
        {
            stream.Dispose();
            throw;
        }
    }

    void Next()
    {
        _connection?.Dispose();
        _connection = null;
        _active = (_active + 1) % nodes.Count;
    }
}
