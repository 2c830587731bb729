using System.Net;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using MlNetCifar.Spark.Connect;

namespace MlNetCifar.Spark.Stage;

/// <summary>Finds the worker program and makes the command that starts it in an executor.</summary>
static class WorkerProgram
{
    const string FileName = "mlnetcifar-worker";
    const string Variable = "MLNETCIFAR_WORKER";

    /// <param name="path">Where the user says it lies.</param>
    /// <param name="native">Whether native code is preferred where it lies beside: one file that starts at once, but whose vectors are of 256 bits at most, so training would have other sums than a run with wider ones.</param>
    public static string Find(string? path, bool native)
    {
        path ??= Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } value ? value : null;
        if (path is not null)
            return path;
        var folder = AppContext.BaseDirectory;
        return FindIn(folder, native) ?? throw StageErrors.NoWorker($"{Variable} is not set, and there is no {Path.Combine(folder, FileName)}");
    }

    /// <summary>The program in the folder of this one or, compiled ahead of time, in a folder there.</summary>
    internal static string? FindIn(string folder, bool native)
    {
        string[] places = [Path.Combine("worker", "native"), "worker", ""];
        return places[native && RunsNative ? 0.. : 1..].Select(place => Path.Combine(folder, place, FileName)).FirstOrDefault(File.Exists);
    }

    /// <summary>Whether this processor has what native workers take.</summary>
    internal static bool RunsNative => Avx2.IsSupported || RuntimeInformation.ProcessArchitecture != Architecture.X64;

    /// <summary>Makes sure that there is a program to start, where that can be seen from here.</summary>
    /// <exception cref="MlNetCifarException">There is none (MNC6040), or it cannot be sent (MNC6052).</exception>
    public static void Require(string? worker, bool? ship, string host, bool native)
    {
        var isSent = ship ?? !IsThisMachine(host);
        var path = Find(worker, native);
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
    public static async Task<string> InstallAsync(SparkSession session, string? worker, bool? ship, bool native, CancellationToken cancellationToken)
    {
        var path = Find(worker, native);
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
