using MlNetCifar.Files;

namespace MlNetCifar.Spark.Hdfs;

/// <summary>The file stores of a job, one for each file system; opened when first needed.</summary>
/// <param name="nameNodes">Where file systems answer.</param>
/// <param name="user">The HDFS user.</param>
/// <param name="settings">Of the driver's Hadoop.</param>
/// <param name="retry">The attempts of every operation.</param>
sealed class FileStores(IReadOnlyDictionary<string, IReadOnlyList<Uri>> nameNodes, string user, HdfsClientSettings settings, RetryPolicy retry) : IDisposable
{
    readonly Dictionary<string, HdfsFileStore> _open = [];

    /// <summary>The store that holds a path.</summary>
    public IFileStore For(string path)
    {
        if (!HdfsPath.IsHdfs(path))
            return LocalFileStore.Instance;
        var (fileSystem, _) = HdfsPath.Split(path);
        if (!_open.TryGetValue(fileSystem.ToString(), out var store))
        {
            var addresses = nameNodes.TryGetValue(fileSystem.Authority, out var known) ? known : Addresses(fileSystem, HadoopConfiguration.FromEnvironment());
            var options = new WebHdfsOptions { NameNodes = [.. addresses.Where(a => !IsRpc(a))], RpcNodes = [.. addresses.Where(IsRpc)], User = user, DelegationToken = HadoopTokens.Of(fileSystem), Retry = retry };
            store = new(fileSystem, new(settings.Apply(options)));
            _open.Add(fileSystem.ToString(), store);
        }

        return store;
    }

    /// <summary>Where a file system answers: web addresses and RPC addresses, told apart by their scheme.</summary>
    public static IReadOnlyList<Uri> Addresses(Uri fileSystem, HadoopConfiguration configuration) =>
        [.. configuration.NameNodes(fileSystem), .. configuration.RpcNodes(fileSystem)];

    static bool IsRpc(Uri address) => address.Scheme == "hdfs";

    public void Dispose()
    {
        foreach (var store in _open.Values)
            store.Dispose();
    }
}
