using System.Runtime.InteropServices;

namespace MlNetCifar.Files;

/// <summary>What kind of thing a path leads to.</summary>
internal enum NodeKind
{
    /// <summary>Nothing, also at the end of a link.</summary>
    None,

    /// <summary>A regular file.</summary>
    File,

    /// <summary>A folder.</summary>
    Folder,

    /// <summary>A device that takes bytes one after another, such as a terminal or the null device.</summary>
    Device,

    /// <summary>A disk or a part of one.</summary>
    Disk,

    /// <summary>A pipe, with or without a name.</summary>
    Pipe,

    /// <summary>A socket.</summary>
    Socket,
}

/// <summary>What a path leads to once all links are followed.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Length">Bytes of a file, never of a link's text; 0 for everything else.</param>
/// <param name="Mode">Permissions; 0 on Windows.</param>
/// <param name="Owner">The user's number; 0 where unknown.</param>
/// <param name="Group">The group's number; 0 where unknown.</param>
internal readonly record struct FileNode(NodeKind Kind, long Length, UnixFileMode Mode, uint Owner, uint Group)
{
    const int WorkingFolder = -100;
    const uint BasicFacts = 0x7FF;

    // ENOENT and ENOTDIR. Anything else may be a sandbox that does not know the call.
    const int NoEntry = 2;
    const int NoFolder = 20;

    /// <summary>Reading, writing and running, for owner, group and others.</summary>
    public const UnixFileMode Everyday = (UnixFileMode)0x1FF;

    static bool s_isPortable = !OperatingSystem.IsLinux();

    /// <summary>In words, for messages.</summary>
    public string Description => Kind switch
    {
        NodeKind.Folder => "a folder",
        NodeKind.Device => "a device",
        NodeKind.Disk => "a disk",
        NodeKind.Pipe => "a pipe",
        NodeKind.Socket => "a socket",
        _ => "a file",
    };

    /// <summary>Looks; the framework tells neither devices from files nor who owns them.</summary>
    public static FileNode Of(string path)
    {
        if (!s_isPortable)
        {
            try
            {
                if (Status(WorkingFolder, path, 0, BasicFacts, out var status) == 0)
                    return new(KindOf(status.Mode), KindOf(status.Mode) == NodeKind.File ? status.Length : 0, (UnixFileMode)(status.Mode & 0xFFF), status.Owner, status.Group);
                if (Marshal.GetLastPInvokeError() is NoEntry or NoFolder)
                    return default;
            }
            catch (Exception e) when (e is DllNotFoundException or EntryPointNotFoundException)
            {
                s_isPortable = true;
            }
        }

        return Portable(path);
    }

    /// <summary>Gives a new file the permissions of this one, and its owner as far as the system lets us.</summary>
    public void LendTo(string path)
    {
        if (OperatingSystem.IsWindows())
            return;
        var own = Of(path);
        var isOwned = s_isPortable || (own.Owner, own.Group) == (Owner, Group) || SetOwner(path, Owner, Group) == 0;

        // Whoever runs a file as its owner must not run it as somebody else.
        var mode = isOwned ? Mode : Mode & Everyday;
        try
        {
            if (Of(path).Mode != mode)
                File.SetUnixFileMode(path, mode);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It was made with no more permissions than these.
        }
    }

    static FileNode Portable(string path)
    {
        if (Directory.Exists(path))
            return new(NodeKind.Folder, 0, 0, 0, 0);
        try
        {
            var info = new FileInfo(path);
            var file = info.ResolveLinkTarget(returnFinalTarget: true) as FileInfo ?? info;
            if (!file.Exists || file.LinkTarget is not null)
                return default;
            var kind = file.FullName.StartsWith("/dev/", StringComparison.Ordinal) ? NodeKind.Device : NodeKind.File;
            return new(kind, file.Length, OperatingSystem.IsWindows() ? 0 : File.GetUnixFileMode(path), 0, 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return default;
        }
    }

    static NodeKind KindOf(int mode) => (mode & 0xF000) switch
    {
        0x1000 => NodeKind.Pipe,
        0x2000 => NodeKind.Device,
        0x4000 => NodeKind.Folder,
        0x6000 => NodeKind.Disk,
        0xC000 => NodeKind.Socket,
        _ => NodeKind.File,
    };

    // The same on every processor that Linux runs on, which cannot be said of stat.
    [DllImport("libc", EntryPoint = "statx", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int Status(int folder, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint wanted, out StatusFields status);

    [DllImport("libc", EntryPoint = "chown")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    static extern int SetOwner([MarshalAs(UnmanagedType.LPUTF8Str)] string path, uint owner, uint group);

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    readonly struct StatusFields
    {
        [FieldOffset(20)]
        public readonly uint Owner;

        [FieldOffset(24)]
        public readonly uint Group;

        [FieldOffset(28)]
        public readonly ushort Mode;

        [FieldOffset(40)]
        public readonly long Length;
    }
}
