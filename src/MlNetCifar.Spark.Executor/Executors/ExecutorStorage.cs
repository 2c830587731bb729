using MlNetCifar.Experiments;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Executors;

/// <summary>HDFS as the driver reaches it, and this executor's disk.</summary>
sealed class ExecutorStorage(FileStores stores) : IExperimentStorage
{
    /// <exception cref="MlNetCifarException">The path is not on this machine (MNC6093).</exception>
    public string Normalize(string path)
    {
        path = HdfsPath.ToLocal(path);
        return HdfsPath.IsHdfs(path) || File.Exists(path) || Directory.Exists(path) ? path : throw ExecutorErrors.NotSeen(path);
    }

    public IFileStore StoreOf(string path) => stores.For(path);

    public bool IsRemote(string path) => HdfsPath.IsHdfs(path);

    /// <summary>Has shards kept in the executor's own folder where the user of its processes has no home, as on YARN.</summary>
    public static void FindCache()
    {
        const string Variable = "XDG_CACHE_HOME";
        if (Environment.GetEnvironmentVariable(Variable) is { Length: > 0 })
            return;
        try
        {
            var home = Environment.GetFolderPath(Environment.SpecialFolder.UserProfile);
            Directory.CreateDirectory(Path.Combine(home.Length > 0 ? home : "/nowhere", ".cache", "mlnetcifar"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Environment.SetEnvironmentVariable(Variable, Environment.CurrentDirectory);
        }
    }
}
