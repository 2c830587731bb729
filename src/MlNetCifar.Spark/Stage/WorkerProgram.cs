using System.Net;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using MlNetCifar.Spark.Connect;

namespace MlNetCifar.Spark.Stage;

/// <summary>The worker program, as it is found here, and the command that starts it in an executor.</summary>
/// <param name="Location">Where it lies.</param>
/// <param name="IsSent">Whether executors are sent it; else they have it at the same place.</param>
sealed record WorkerProgram(string Location, bool IsSent)
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

    /// <summary>Finds the program, and makes sure that it can be started, where that can be seen from here.</summary>
    /// <param name="path">Where the user says it lies.</param>
    /// <param name="ship">Whether it is sent; null where Spark is not this machine.</param>
    /// <param name="host">Where Spark answers.</param>
    /// <param name="native">As for <see cref="Find"/>.</param>
    /// <exception cref="MlNetCifarException">There is none (MNC6040), or it cannot be sent (MNC6052).</exception>
    public static WorkerProgram Require(string? path, bool? ship, string host, bool native)
    {
        var isSent = ship ?? !IsThisMachine(host);
        path = Find(path, native);
        if (!isSent && !IsThisMachine(host))
            return new(path, isSent);
        if (!File.Exists(path))
            throw StageErrors.NoWorker($"there is no file {path}");
        if (!OperatingSystem.IsWindows() && (File.GetUnixFileMode(path) & (UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute)) == 0)
            throw StageErrors.NoWorker($"{path} is no program: it may not be executed");
        if (isSent && File.Exists($"{path}.dll"))
            throw StageErrors.NotOneFile(path);
        return new(path, isSent);
    }

    /// <summary>Ships the program where needed and returns the command without its argument.</summary>
    public async Task<string> InstallAsync(SparkSession session, CancellationToken cancellationToken)
    {
        if (!IsSent)
            return Quote(Location);
        // The folder's name on the executors is not known here, so the file's name must be unique for the pattern to be.
        var name = $"{FileName}-{Guid.NewGuid():N}";
        await session.AddFileAsync(name, Location, cancellationToken).ConfigureAwait(false);
        return $"./*/{name}";
    }

    /// <summary>Whether a host is this machine, seen from itself.</summary>
    public static bool IsThisMachine(string host) => host == "localhost" || (IPAddress.TryParse(host, out var address) && IPAddress.IsLoopback(address));

    static string Quote(string path) =>
        $"\"{path.Replace("\\", "\\\\").Replace("\"", "\\\"").Replace("$", "\\$").Replace("`", "\\`")}\"";
}
