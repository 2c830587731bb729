namespace MlNetCifar.Files;

/// <summary>Follows symbolic links as the system does: part by part, so that <c>..</c> after a link leads up from where the link leads to.</summary>
internal static class FileLinks
{
    const int MaxLinks = 40;

    static readonly char[] s_slashes = [Path.DirectorySeparatorChar, Path.AltDirectorySeparatorChar];

    /// <summary>The path without links, as far as it exists; a link that leads nowhere gives the name of what is missing.</summary>
    /// <exception cref="IOException">Links lead to one another for ever.</exception>
    public static string Resolve(string path)
    {
        var full = Path.GetFullPath(path);
        var real = Path.GetPathRoot(full)!;
        var rest = new Stack<string>();
        Push(rest, full[real.Length..]);
        for (var links = 0; rest.TryPop(out var part);)
        {
            if (part == "..")
            {
                real = Path.GetDirectoryName(real) ?? real;
                continue;
            }

            var next = Path.Combine(real, part);
            if (TextOf(next) is not { } text)
            {
                real = next;
                continue;
            }

            if (++links > MaxLinks)
                throw new IOException($"'{path}' leads through more than {MaxLinks} links.");
            if (Path.IsPathRooted(text))
                real = Path.GetPathRoot(text)!;
            Push(rest, text[(Path.GetPathRoot(text)?.Length ?? 0)..]);
        }

        return real;
    }

    /// <summary>Whether a path without links stands for something that a process has open, whatever its name says.</summary>
    /// <param name="real">As <see cref="Resolve"/> gives it.</param>
    /// <param name="own">Its number, where the process is this one.</param>
    public static bool IsDescriptor(string real, out int? own)
    {
        own = null;
        if (real.Split('/') is not ["", "proc", var process, .., "fd", var number] || !int.TryParse(number, out var descriptor))
            return false;
        own = process == Environment.ProcessId.ToString(System.Globalization.CultureInfo.InvariantCulture) ? descriptor : null;
        return true;
    }

    /// <summary>What is written in a link; null for everything else, and for descriptors, whose text is no path.</summary>
    static string? TextOf(string path) => IsDescriptor(path, out _) ? null : new FileInfo(path).LinkTarget;

    static void Push(Stack<string> rest, string path)
    {
        var parts = path.Split(s_slashes, StringSplitOptions.RemoveEmptyEntries);
        for (var i = parts.Length - 1; i >= 0; i--)
        {
            if (parts[i] != ".")
                rest.Push(parts[i]);
        }
    }
}
