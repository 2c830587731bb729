using System.Net;
using MlNetCifar.Spark.Connect;

namespace MlNetCifar.Spark.Stage;

/// <summary>Finds the worker program and makes the command that starts it in an executor.</summary>
static class WorkerProgram
{
    const string FileName = "mlnetcifar-worker";
    const string Variable = "MLNETCIFAR_WORKER";

    public static string Find(string? path)
    {
        path ??= Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } value ? value : null;
        if (path is not null)
            return path;
        var beside = Path.Combine(AppContext.BaseDirectory, FileName);
        return File.Exists(beside) ? beside : throw StageErrors.NoWorker($"{Variable} is not set, and there is no {beside}");
    }

    /// <summary>Ships the program where needed and returns the command without its argument.</summary>
    public static async Task<string> InstallAsync(SparkSession session, SparkPrepareOptions options, CancellationToken cancellationToken)
    {
        var path = Find(options.WorkerPath);
        if (!(options.ShipWorker ?? !IsThisMachine(session.Connection.Host)))
            return Quote(path);
        if (!File.Exists(path))
            throw StageErrors.NoWorker(path);
        if (File.Exists($"{path}.dll"))
            throw StageErrors.NotOneFile(path);
        // The folder's name on the executors is not known here, so the file's name must be unique for the pattern to be.
        var name = $"{FileName}-{Guid.NewGuid():N}";
        await session.AddFileAsync(name, path, cancellationToken).ConfigureAwait(false);
        return $"./*/{name}";
    }

    static bool IsThisMachine(string host) => host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    static string Quote(string path) =>
        $"\"{path.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("$", "\\$").Replace("`", "\\`")}\"";
}
