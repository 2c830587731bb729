using System.Diagnostics;
using System.Net.Sockets;

namespace MlNetCifar.Tests.Files;

/// <summary>Makes what is no file: devices of our own, pipes and sockets, in a test's own folder. The machine's own devices are never written to.</summary>
static class Nodes
{
    /// <summary>A device that swallows all, as the null device does; the test is given up where none can be made.</summary>
    public static string Null(string path) => Device(path, "1", "3");

    /// <summary>A device that is always full.</summary>
    public static string Full(string path) => Device(path, "1", "7");

    public static string Pipe(string path) => Shell("mkfifo", path) == 0 ? path : throw new AssertInconclusiveException("There are no named pipes here.");

    public static Socket Socket(string path)
    {
        var socket = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        socket.Bind(new UnixDomainSocketEndPoint(path));
        return socket;
    }

    /// <summary>What the system says of a path itself: "c 1:3", "p", "-", "l" …, with mode and owner.</summary>
    public static string Describe(string path)
    {
        using var process = Process.Start(new ProcessStartInfo("stat", ["-c", "%F %t:%T %a %u:%g", path]) { RedirectStandardOutput = true })!;
        var text = process.StandardOutput.ReadToEnd().Trim();
        process.WaitForExit();
        return text;
    }

    public static int Shell(string file, params string[] arguments)
    {
        try
        {
            using var process = Process.Start(new ProcessStartInfo(file, arguments) { RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }

    static string Device(string path, string major, string minor)
    {
        try
        {
            if (Shell("mknod", path, "c", major, minor) == 0)
                using (new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite))
                    return path;
        }
        catch (UnauthorizedAccessException)
        {
            // The file system allows no devices.
        }

        throw new AssertInconclusiveException("No device can be made here.");
    }
}
