using System.Globalization;
using System.Runtime.InteropServices;

namespace MlNetCifar.App.Cli;

/// <summary>
/// Turns the first Ctrl-C, SIGTERM or SIGHUP (the terminal is gone) into a request to stop, so that work done is saved; a second one ends the process at once.
/// A process that was started to ignore SIGHUP, as nohup does, goes on ignoring it.
/// </summary>
internal sealed class Signals : IDisposable
{
    const string ShowCursor = "\u001b[?25h";

    readonly CancellationTokenSource _stop = new();
    readonly PosixSignalRegistration[] _registrations;

    public Signals() =>
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, context => Handle(context, ExitCodes.Interrupted)),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, context => Handle(context, ExitCodes.Terminated)),
            .. IsHangupIgnored() ? Array.Empty<PosixSignalRegistration>() : [PosixSignalRegistration.Create(PosixSignal.SIGHUP, context => Handle(context, ExitCodes.HungUp))],
        ];

    public CancellationToken Token => _stop.Token;

    /// <summary>Of the first signal.</summary>
    public int ExitCode { get; private set; } = ExitCodes.Interrupted;

    /// <summary>Asks to stop as the first signal does; a request after that changes nothing.</summary>
    /// <param name="code">Exit code.</param>
    public void Ask(int code)
    {
        if (_stop.IsCancellationRequested)
            return;
        ExitCode = code;
        _stop.Cancel();
    }

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _stop.Dispose();
    }

    static bool IsHangupIgnored()
    {
        const string ignored = "SigIgn:";
        try
        {
            return File.Exists("/proc/self/status")
                && File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(ignored, StringComparison.Ordinal)) is { } mask
                && ulong.TryParse(mask.AsSpan(ignored.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var bits)
                && (bits & 1) != 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }

    void Handle(PosixSignalContext context, int code)
    {
        context.Cancel = true;
        if (_stop.IsCancellationRequested)
        {
            // A progress bar hides the cursor and has no chance to show it again.
            if (!Console.IsErrorRedirected)
                Console.Error.Write(ShowCursor);
            Environment.Exit(code);
        }

        Ask(code);
    }
}
