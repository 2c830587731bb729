using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;
using MlNetCifar.Files;
using MlNetCifar.Numerics;
using MlNetCifar.Training;

namespace MlNetCifar.Experiments;

/// <summary>One thing about a machine.</summary>
/// <param name="Key">For programs.</param>
/// <param name="Name">For people.</param>
/// <param name="Value">For programs: text, a number, a truth value, or null.</param>
/// <param name="Text">The value for people.</param>
internal sealed record MachineRow(string Key, string Name, object? Value, string Text);

/// <summary>What matters of machine and runtime, with the limits a container sets: a snapshot of the moment it is made.</summary>
public sealed record MachineInfo
{
    /// <summary>Version of this library.</summary>
    public string Version { get; } = FileOrigin.Current;

    /// <summary>Name and version of the runtime.</summary>
    public string Runtime { get; } = RuntimeInformation.FrameworkDescription;

    /// <summary>Name and version of the operating system.</summary>
    public string OperatingSystem { get; } = RuntimeInformation.OSDescription;

    /// <summary>Of this process, for example <c>x64</c>.</summary>
    public string Architecture { get; } = RuntimeInformation.ProcessArchitecture.ToString().ToLowerInvariant();

    /// <summary>Name of the processor; <c>unknown</c> where the system does not tell.</summary>
    public string Processor { get; } = Field("/proc/cpuinfo", "model name") ?? "unknown";

    /// <summary>What this process may use.</summary>
    public int Cores { get; } = Environment.ProcessorCount;

    /// <summary>Of the machine.</summary>
    public int HostCores { get; } = HostCoreCount();

    /// <summary>Cores a cgroup grants; null where it sets no limit.</summary>
    public double? CoreQuota { get; } = Quota();

    /// <summary>Width of the vectors in use; 0 for none.</summary>
    public int SimdBits { get; } = SimdLevel.Active == SimdWidth.Scalar ? 0 : (int)SimdLevel.Active;

    /// <summary>Whether the machine multiplies and adds in one instruction; without, training is several times slower, and its results have bits of their own.</summary>
    public bool FusedMultiplyAdd { get; } = SimdLevel.IsFused;

    /// <summary>Widths of vectors that the machine has, widest first.</summary>
    public IReadOnlyList<int> SimdAvailable { get; } = [.. SimdLevel.Available.Where(w => w != SimdWidth.Scalar).Select(w => (int)w)];

    /// <summary>Bytes this process may use.</summary>
    public long Memory { get; } = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;

    /// <summary>Bytes a cgroup grants; null where it sets no limit.</summary>
    public long? MemoryLimit { get; } = Limit("/sys/fs/cgroup/memory.max") ?? Limit("/sys/fs/cgroup/memory/memory.limit_in_bytes");

    /// <summary>Bytes free on the disk of the working folder.</summary>
    public long? DiskFree { get; } = FreeDisk();

    /// <summary>Whether the server's garbage collector is in use.</summary>
    public bool ServerGc { get; } = System.Runtime.GCSettings.IsServerGC;

    /// <summary>All of it for people: names and values in reading order.</summary>
    public IEnumerable<KeyValuePair<string, string>> Describe() => Rows().Select(row => new KeyValuePair<string, string>(row.Name, row.Text));

    /// <summary>All of it for programs: one member each.</summary>
    /// <param name="json">An object under way.</param>
    public void WriteJson(Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(json);
        foreach (var row in Rows())
            OptionFile.WriteValue(json, row.Key, row.Value);
    }

    IReadOnlyList<MachineRow> Rows() =>
    [
        new("version", "MlNetCifar", Version, Version),
        new("runtime", "Runtime", Runtime, Runtime),
        new("operatingSystem", "Operating system", OperatingSystem, $"{OperatingSystem} ({Architecture})"),
        new("architecture", "Architecture", Architecture, Architecture),
        new("processor", "Processor", Processor, Processor),
        new("cores", "Cores", Cores, CoreText()),
        new("hostCores", "Cores of the machine", HostCores, OptionText.Of(HostCores)),
        new("coreQuota", "Cores a cgroup grants", CoreQuota, CoreQuota is { } quota ? FormattableString.Invariant($"{quota:0.##}") : "no limit"),
        new("simdBits", "SIMD", SimdBits, SimdText()),
        new("memory", "Memory", (double)Memory, OptionText.OfBytes(Memory)),
        new("memoryLimit", "Memory a cgroup grants", (double?)MemoryLimit, MemoryLimit is { } limit ? OptionText.OfBytes(limit) : "no limit"),
        new("diskFree", "Free on this disk", (double?)DiskFree, DiskFree is { } free ? OptionText.OfBytes(free) : "unknown"),
        new("serverGc", "Server garbage collector", ServerGc, ServerGc ? "yes" : "no"),
    ];

    /// <summary>What makes this machine slower than it need be.</summary>
    public IEnumerable<string> Advice()
    {
        if (SimdBits == 0)
            yield return "no vector instructions are used; training will be many times slower";
        else if (!FusedMultiplyAdd)
            yield return "there is no fused multiply-add; training will be several times slower";
        else if (SimdAvailable.Count > 0 && SimdAvailable[0] > SimdBits)
            yield return $"MLNETCIFAR_SIMD restricts the kernels to {SimdBits} bits; the machine has {SimdAvailable[0]}";
        if (CoreQuota is { } quota && quota < Cores)
            yield return FormattableString.Invariant($"the cgroup grants {quota:0.##} cores, less than the {Cores} threads used; give --threads {Math.Max(1, (int)quota)}");
        if (Memory < 1L << 30)
            yield return "less than 1 GiB of memory; prepare shards and train on those";
    }

    string CoreText() => Cores == HostCores ? OptionText.Of(Cores) : FormattableString.Invariant($"{Cores} of {HostCores}");

    string SimdText()
    {
        var active = SimdBits == 0 ? "scalar" : FormattableString.Invariant($"{SimdBits} bits");
        if (!FusedMultiplyAdd)
            active += ", no fused multiply-add";
        return SimdAvailable.Count > 0 && SimdAvailable[0] != SimdBits ? FormattableString.Invariant($"{active} (the machine has {SimdAvailable[0]})") : active;
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
        return Number(Line("/sys/fs/cgroup/cpu/cpu.cfs_quota_us")) is > 0 and var old && Number(Line("/sys/fs/cgroup/cpu/cpu.cfs_period_us")) is > 0 and var oldPeriod
            ? old / oldPeriod
            : null;
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

/// <summary>Says before a run where the machine is many times slower than an ordinary one, and what to expect.</summary>
internal static class SlowMachine
{
    /// <summary>One line; null for an ordinary machine.</summary>
    /// <param name="network">What is trained.</param>
    /// <param name="options">How.</param>
    /// <param name="images">Images of an epoch.</param>
    public static string? Notice(NetworkSpec network, TrainingOptions options, int images)
    {
        if (Reason() is not { } reason)
            return null;
        var speed = NetworkBenchmark.Roughly(network, options);
        var epochs = options.TimeBudget is null ? FormattableString.Invariant($", {options.Epochs} epochs about {Time(images * (double)options.Epochs / speed)}") : "";
        return FormattableString.Invariant($"this machine is slow: {reason}; about {speed:N0} images/s, an epoch about {Time(images / speed)}{epochs}");
    }

    /// <summary>Why this process computes slowly; null where it does not.</summary>
    public static string? Reason() => SimdLevel.Active == SimdWidth.Scalar ? "no vector instructions are used"
        : SimdLevel.IsFused ? null : FormattableString.Invariant($"vectors of {(int)SimdLevel.Active} bits, no fused multiply-add");

    static string Time(double seconds) => seconds switch
    {
        < 90 => FormattableString.Invariant($"{Math.Max(1, seconds):0} s"),
        < 5400 => FormattableString.Invariant($"{seconds / 60:0} min"),
        _ => FormattableString.Invariant($"{seconds / 3600:0.0} h"),
    };
}
