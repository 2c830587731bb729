using System.Collections.Concurrent;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>Calls the active one of some name nodes. Each thread that calls has a connection, which stays open for the next. Thread-safe.</summary>
/// <param name="nodes">RPC addresses, tried in turn.</param>
/// <param name="user">The HDFS user.</param>
/// <param name="timeout">Longest wait for an answer.</param>
sealed class NameNodeClient(IReadOnlyList<Uri> nodes, string user, TimeSpan timeout) : IDisposable
{
    const int DefaultPort = 8020;

    readonly ConcurrentStack<NameNodeConnection> _idle = [];
    int _active;

    /// <summary>Runs a call that may be run again; where the name node is on standby, on the next one.</summary>
    /// <exception cref="HadoopRpcException">The name node refused.</exception>
    /// <exception cref="IOException">The connection failed; the next call tries the next name node.</exception>
    public T Call<T>(Func<NameNodeConnection, T> call)
    {
        for (var tried = 1; ; tried++)
        {
            var active = Volatile.Read(ref _active);
            var isRested = _idle.TryPop(out var connection);
            try
            {
                var result = call(connection ??= Connect(nodes[active % nodes.Count]));
                _idle.Push(connection);
                return result;
            }
            catch (HadoopRpcException e) when (!e.IsStandby || tried >= nodes.Count)
            {
                _idle.Push(connection!);
                throw;
            }
            catch (Exception e) when (e is HadoopRpcException || (e is IOException && isRested))
            {
                // Another name node has become active, or this one has closed what rested: so have the other connections' ends.
                Forget(e is IOException ? active : active + 1);
                connection!.Dispose();
            }
            catch
            {
                connection?.Dispose();
                Forget(active + 1);
                throw;
            }
        }
    }

    public void Dispose() => Forget(_active);

    NameNodeConnection Connect(Uri node)
    {
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

    void Forget(int next)
    {
        Volatile.Write(ref _active, next % nodes.Count);
        while (_idle.TryPop(out var rested))
            rested.Dispose();
    }
}
