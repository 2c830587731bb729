using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>
/// Delegation tokens for the workers of a run on a secured cluster: asked for with the driver's ticket, sent to the executors as a file of the session, cancelled at the end. Over a
/// connection that others may listen to none is sent; workers in YARN's containers then use those that the container has.
/// </summary>
/// <param name="access">To the file systems that workers read and write.</param>
sealed class WorkerTokens(HdfsAccess access) : IAsyncDisposable
{
    readonly List<(WebHdfsClient Client, Uri FileSystem, string Token)> _tokens = [];
    readonly FileStores _stores = access.Open(new());
    string? _name;

    /// <summary>What stands before the worker's command; empty where nothing was sent.</summary>
    public string Prefix => _name is null ? "" : $"{HadoopTokens.Variable}=$(echo ./*/{_name}) ";

    /// <summary>Asks for the tokens and sends them.</summary>
    /// <param name="session">To the cluster.</param>
    /// <param name="cancellationToken">Stops waiting.</param>
    /// <exception cref="MlNetCifarException">There is no ticket (MNC6017), or HDFS or Spark failed.</exception>
    public async Task InstallAsync(SparkSession session, CancellationToken cancellationToken)
    {
        if (!access.Settings.UsesKerberos || !(session.Connection.UseTls || WorkerProgram.IsThisMachine(session.Connection.Host)))
            return;
        foreach (var fileSystem in access.NameNodes.Keys)
        {
            var client = ((HdfsFileStore)_stores.For($"hdfs://{fileSystem}/")).Client;
            if (client.Options.DelegationToken is null && await client.GetDelegationTokenAsync(null, cancellationToken).ConfigureAwait(false) is { } token)
                _tokens.Add((client, new($"hdfs://{fileSystem}/"), token));
        }

        if (_tokens.Count == 0)
            return;
        var folder = Directory.CreateTempSubdirectory("mlnetcifar-");
        try
        {
            // The folder is this user's alone.
            var file = Path.Combine(folder.FullName, "tokens");
            await File.WriteAllBytesAsync(file, HadoopTokens.Write(_tokens.Select(t => (t.FileSystem, t.Token))), cancellationToken).ConfigureAwait(false);
            var name = $"mlnetcifar-tokens-{Guid.NewGuid():N}";
            await session.AddFileAsync(name, file, cancellationToken).ConfigureAwait(false);
            _name = name;
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var (client, _, token) in _tokens)
        {
            try
            {
                await client.CancelDelegationTokenAsync(token).ConfigureAwait(false);
            }
            catch (MlNetCifarException)
            {
                // It ends by itself.
            }
        }

        _stores.Dispose();
    }
}
