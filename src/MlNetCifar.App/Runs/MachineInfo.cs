using System.Globalization;
using System.Runtime.InteropServices;
using MlNetCifar.App.Cli;
using MlNetCifar.Numerics;

namespace MlNetCifar.App.Runs;

/// <summary>What matters of machine and runtime, with the limits a container sets.</summary>
internal sealed record MachineInfo
{
    public string Version { get; } = CommandLine.Version;

    public string Runtime { get; } = RuntimeInformation.FrameworkDescription;

    public string OperatingSystem { get; } = RuntimeInformation.OSDescription;

    public string Architecture { get; } = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    public string Processor { get; } = Field("/proc/cpuinfo", "model name") ?? "unknown";

    /// <summary>What this process may use.</summary>
    public int Cores { get; } = Environment.ProcessorCount;

    /// <summary>Of the machine.</summary>
    public int HostCores { get; } = HostCoreCount();

    /// <summary>Cores a cgroup grants; null where it sets no limit.</summary>
    public double? CoreQuota { get; } = Quota();

    public int SimdBits { get; } = SimdLevel.Active == SimdWidth.Scalar ? 0 : (int)SimdLevel.Active;

    public IReadOnlyList<int> SimdAvailable { get; } = [.. SimdLevel.Available.Where(w => w != SimdWidth.Scalar).Select(w => (int)w)];

    /// <summary>Bytes this process may use.</summary>
    public long Memory { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Bytes a cgroup grants; null where it sets no limit.</summary>
    public long? MemoryLimit { get; } = Limit("/sys/fs/cgroup/memory.max") ?? Limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");

    /// <summary>Bytes free on the disk of the working folder.</summary>
    public long? DiskFree { get; } = FreeDisk();

    public bool ServerGc { get; } = System.Runtime.GCSettings.IsServerGC;

    /// <summary>Names for people, keys for programs, and the values of both.</summary>
    public IReadOnlyList<(string Key, string Name, object? Value, string Text)> Rows() =>
    [
        ("version", "MlNetCifar", Version, Version),
        ("runtime", "Runtime", Runtime, Runtime),
        ("operatingSystem", "Operating system", OperatingSystem, $"{OperatingSystem} ({Architecture})"),
        ("architecture", "Architecture", Architecture, Architecture),
        ("processor", "Processor", Processor, Processor),
        ("cores", "Cores", Cores, CoreText()),
        ("hostCores", "Cores of the machine", HostCores, Texts.Of(HostCores)),
        ("coreQuota", "Cores a cgroup grants", CoreQuota, CoreQuota is { } quota ? Texts.Invariant($"{quota:0.##}") : "no limit"),
        ("simdBits", "SIMD", SimdBits, SimdText()),
        ("memory", "Memory", (double)Memory, Bytes(Memory)),
        ("memoryLimit", "Memory a cgroup grants", (double?)MemoryLimit, MemoryLimit is { } limit ? Bytes(limit) : "no limit"),
        ("diskFree", "Free on this disk", (double?)DiskFree, DiskFree is { } free ? Bytes(free) : "unknown"),
        ("serverGc", "Server garbage collector", ServerGc, ServerGc ? "yes" : "no"),
    ];

    /// <summary>What makes this machine slower than it need be.</summary>
    public IEnumerable<string> Advice()
    {
        if (SimdBits == 0)
            yield return "no vector instructions are used; training will be many times slower";
        else if (SimdAvailable.Count > 0 && SimdAvailable[0] > SimdBits)
            yield return $"MLNETCIFAR_SIMD restricts the kernels to {SimdBits} bits; the machine has {SimdAvailable[0]}";
        if (CoreQuota is { } quota && quota < Cores)
            yield return Texts.Invariant($"the cgroup grants {quota:0.##} cores, less than the {Cores} threads used; give --threads {Math.Max(1, (int)quota)}");
        if (Memory < 1L << 30)
            yield return "less than 1 GiB of memory; prepare shards and train on those";
    }

    public static string Bytes(double bytes) => bytes switch
    {
        >= 1L << 30 => Texts.Invariant($"{bytes / (1L << 30):0.0} GiB"),
        >= 1L << 20 => Texts.Invariant($"{bytes / (1L << 20):0.0} MiB"),
        >= 1L << 10 => Texts.Invariant($"{bytes / (1L << 10):0.0} KiB"),
        _ => Texts.Invariant($"{bytes:0} B"),
    };

    string CoreText() => Cores == HostCores ? Texts.Of(Cores) : Texts.Invariant($"{Cores} of {HostCores}");

    string SimdText()
    {
        var active = SimdBits == 0 ? "scalar" : Texts.Invariant($"{SimdBits} bits");
        return SimdAvailable.Count > 0 && SimdAvailable[0] != SimdBits ? Texts.Invariant($"{active} (the machine has {SimdAvailable[0]})") : active;
    }

    static int HostCoreCount()
    {
        try
        {
            return Math.Max(File.ReadLines("/proc/cpuinfo").Count(line => line.StartsWith("processor", StringComparison.Ordinal)), Environment.ProcessorCount);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Environment.ProcessorCount;
        }
    }

    static double? Quota()
    {
        // cgroup v2: "max 100000" or "200000 100000".
        if (Line("/sys/fs/cgroup/cpu.max")?.Split(' ') is [var quota, var period] && Number(quota) is { } granted && Number(period) is > 0 and var per)
            return granted / per;
        return Number(Line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")) is > 0 and var old && Number(Line("/sys/fs/cgroup/cpu/cpu.cfs_period_us")) is > 0 and var oldPeriod ? old / oldPeriod : null;
    }

    static long? Limit(string path) => Number(Line(path)) is { } value && value < 1L << 60 ? (long)value : null;

    static double? Number(string? text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : null;

    static string? Line(string path)
    {
        try
        {
            return File.Exists(path) ? File.ReadLines(path).FirstOrDefault()?.Trim() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    static string? Field(string path, string name)
    {
        try
        {
            return File.Exists(path) ? File.ReadLines(path).FirstOrDefault(l => l.StartsWith(name, StringComparison.Ordinal))?.Split(':', 2)[1].Trim() : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    static long? FreeDisk()
    {
        try
        {
            return new DriveInfo(Path.GetFullPath(".")).AvailableFreeSpace;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException)
        {
            return null;
        }
    }
}
