using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Executors;

/// <summary>Paths as executors take them, which have another working directory.</summary>
static class ExecutorPath
{
    public static string Of(string path)
    {
        path = HdfsPath.ToLocal(path);
        return HdfsPath.IsHdfs(path) ? path : Path.GetFullPath(path);
    }
}
