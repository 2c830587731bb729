using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>The file stores of a job, one for each file system; opened when first needed.</summary>
sealed class StageStores(IReadOnlyDictionary<string, IReadOnlyList<Uri>> nameNodes, string user) : IDisposable
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
            store = new(fileSystem, new(new() { NameNodes = [.. addresses.Where(a => !IsRpc(a))], RpcNodes = [.. addresses.Where(IsRpc)], User = user }));
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
