using System.Diagnostics;
using System.Text;
using MlNetCifar.App.Cli;

namespace MlNetCifar.Tests.Training.Resume;

/// <summary>The program in a process of its own, as users run it.</summary>
sealed class ProgramProcess : IDisposable
{
    readonly Process _process;
    readonly StringBuilder _log = new();

    public ProgramProcess(IEnumerable<string> arguments, params (string Name, string Value)[] variables)
        : this("dotnet", [Path.Combine(AppContext.BaseDirectory, typeof(CommandLine).Assembly.GetName().Name + ".dll"), .. arguments], variables)
    {
    }

    /// <summary>Another program.</summary>
    public ProgramProcess(string file, IEnumerable<string> arguments, (string Name, string Value)[] variables)
    {
        var start = new ProcessStartInfo(file, arguments) { RedirectStandardError = true, RedirectStandardOutput = true };
        foreach (var (name, value) in variables)
            start.Environment[name] = value;
        _process = Process.Start(start)!;
        _process.ErrorDataReceived += Keep;
        _process.OutputDataReceived += Keep;
        _process.BeginErrorReadLine();
        _process.BeginOutputReadLine();
    }

    /// <summary>Number of the process.</summary>
    public int Id => _process.Id;

    /// <summary>How long it is waited for.</summary>
    public TimeSpan Patience { get; init; } = TimeSpan.FromMinutes(3);

    /// <summary>Whether it has ended.</summary>
    public bool HasExited => _process.HasExited;

    /// <summary>What was printed so far.</summary>
    public string Log
    {
        get
        {
            lock (_log)
                return _log.ToString();
        }
    }

    /// <summary>Waits until a text was printed.</summary>
    public ProgramProcess Until(string text)
    {
        Until(() => Log.Contains(text, StringComparison.Ordinal), text);
        return this;
    }

    /// <summary>Waits until something holds.</summary>
    public void Until(Func<bool> condition, string what)
    {
        var started = TimeProvider.System.GetTimestamp();
        while (!condition())
        {
            if (TimeProvider.System.GetElapsedTime(started) > Patience || _process.HasExited)
                Assert.Fail($"'{what}' did not happen:\n{Log}");
            Thread.Sleep(10);
        }
    }

    /// <summary>Sends a signal.</summary>
    /// <param name="name">INT, TERM, …</param>
    public void Signal(string name)
    {
        using var kill = Process.Start("kill", [$"-{name}", _process.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)])!;
        kill.WaitForExit();
    }

    /// <summary>Waits for the end.</summary>
    /// <returns>The exit code.</returns>
    public int Exit()
    {
        if (!_process.WaitForExit(Patience))
            Assert.Fail($"it does not end:\n{Log}");
        _process.WaitForExit();
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited)
            _process.Kill();
        _process.Dispose();
    }

    void Keep(object sender, DataReceivedEventArgs line)
    {
        if (line.Data is null)
            return;
        lock (_log)
            _log.AppendLine(line.Data);
    }
}
