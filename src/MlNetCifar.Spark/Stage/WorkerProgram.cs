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
        // In the folder lies the one that was compiled ahead of time.
        string[] beside = [Path.Combine(AppContext.BaseDirectory, "worker", FileName), Path.Combine(AppContext.BaseDirectory, FileName)];
        return beside.FirstOrDefault(File.Exists) ?? throw StageErrors.NoWorker($"{Variable} is not set, and there is no {beside[^1]}");
    }

    /// <summary>Makes sure that there is a program to start, where that can be seen from here.</summary>
    /// <exception cref="MlNetCifarException">There is none (MNC6040), or it cannot be sent (MNC6052).</exception>
    public static void Require(string? worker, bool? ship, string host)
    {
        var path = Find(worker);
        var isSent = ship ?? !IsThisMachine(host);
        if (!isSent && !IsThisMachine(host))
            return;
        if (!File.Exists(path))
            throw StageErrors.NoWorker($"there is no file {path}");
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) == 0)
            throw StageErrors.NoWorker($"{path} is no program: it may not be executed");
        if (isSent && File.Exists($"{path}.dll"))
            throw StageErrors.NotOneFile(path);
    }

    /// <summary>Ships the program where needed and returns the command without its argument.</summary>
    public static async Task<string> InstallAsync(SparkSession session, string? worker, bool? ship, CancellationToken cancellationToken)
    {
        var path = Find(worker);
        if (!(ship ?? !IsThisMachine(session.Connection.Host)))
            return Quote(path);
        // The folder's name on the executors is not known here, so the file's name must be unique for the pattern to be.
        var name = $"{FileName}-{Guid.NewGuid():N}";
        await session.AddFileAsync(name, path, cancellationToken).ConfigureAwait(false);
        return $"./*/{name}";
    }

    /// <summary>Whether a host is this machine, seen from itself.</summary>
    public static bool IsThisMachine(string host) => host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    static string Quote(string path) =>
        $"\"{path.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("$", "\\$").Replace("`", "\\`")}\"";
}
