using System.Runtime.InteropServices;

namespace MlNetCifar.App.Cli;

/// <summary>Turns the first Ctrl-C or SIGTERM into a request to stop, so that work done is saved; a second one ends the process at once.</summary>
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
        ];

    public CancellationToken Token => _stop.Token;

    /// <summary>Of the first signal.</summary>
    public int ExitCode { get; private set; } = ExitCodes.Interrupted;

    public void Dispose()
    {
        foreach (var registration in _registrations)
            registration.Dispose();
        _stop.Dispose();
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

        ExitCode = code;
        _stop.Cancel();
    }
}
