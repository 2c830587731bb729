using System.Runtime.InteropServices;

namespace MlNetCifar.App.Cli;

/// <summary>
/// Settings of glibc's allocator. It raises the size from which blocks are given back to the system when freed, up to 32 MiB, each time a larger one is freed:
/// what training has freed would stay with the process while the model is measured.
/// </summary>
internal static class NativeHeap
{
    /// <summary>M_MMAP_THRESHOLD; setting it also keeps it from being raised.</summary>
    const int MapThreshold = -3;

    /// <summary>Lets freed blocks from 128 KiB on, glibc's first threshold, go back to the system at once; does nothing with other allocators.</summary>
    public static void ReturnFreedBlocks()
    {
        if (!OperatingSystem.IsLinux())
            return;
        try
        {
            _ = SetOption(MapThreshold, 128 << 10);
        }
        catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
        {
            // musl has no such setting, and no such habit.
        }
    }

    [DllImport("libc.so.6", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int SetOption(int option, int value);
}
