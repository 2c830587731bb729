using System.Diagnostics;

namespace MlNetCifar;

/// <summary>The end of what a process writes to its standard error, whose messages say why it ended.</summary>
internal sealed class LastWords
{
    const int Most = 3;

    readonly Queue<string> _lines = new();

    /// <summary>Follows a process.</summary>
    /// <param name="process">Its standard error is redirected.</param>
    /// <param name="drainOutput">Whether its standard output, redirected too, is read and passed over, so that it does not wait for a reader.</param>
    public LastWords(Process process, bool drainOutput = false)
    {
        process.ErrorDataReceived += (_, line) => Add(line.Data);
        process.BeginErrorReadLine();
        if (drainOutput)
            process.BeginOutputReadLine();
    }

    /// <inheritdoc/>
    public override string ToString()
    {
        lock (_lines)
            return string.Join(' ', _lines);
    }

    void Add(string? line)
    {
        if (string.IsNullOrWhiteSpace(line))
            return;
        lock (_lines)
        {
            _lines.Enqueue(line.Trim());
            if (_lines.Count > Most)
                _lines.Dequeue();
        }
    }
}
