using Microsoft.Extensions.Logging;

namespace MlNetCifar.App.Cli;

/// <summary>Writes what the server logs where commands write their log: one line an entry, nothing below information.</summary>
internal sealed class TerminalLog(Terminal terminal) : ILoggerProvider
{
    public ILogger CreateLogger(string categoryName) => new Category(terminal, categoryName);

    public void Dispose()
    {
    }

    sealed class Category(Terminal terminal, string name) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        // Of the host only what went wrong.
        public bool IsEnabled(LogLevel logLevel) => logLevel >= (name.StartsWith("MlNetCifar", StringComparison.Ordinal) ? LogLevel.Information : LogLevel.Warning);

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            // What ends the start is thrown besides, and told by the command.
            if (!IsEnabled(logLevel) || eventId.Name == "HostedServiceStartupFaulted")
                return;
            var text = formatter(state, exception) + (exception is null ? "" : $": {exception.GetType().Name}: {exception.Message}");
            if (logLevel >= LogLevel.Warning)
                terminal.Warn(text);
            else
                terminal.Log(text);
        }
    }
}
