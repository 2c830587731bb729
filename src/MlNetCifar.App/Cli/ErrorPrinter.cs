namespace MlNetCifar.App.Cli;

/// <summary>Turns exceptions into one line and an exit code.</summary>
internal static class ErrorPrinter
{
    /// <summary>Prints an exception; a stack trace only where asked for.</summary>
    /// <returns>The exit code.</returns>
    public static int Print(Terminal terminal, Exception exception, bool verbose)
    {
        if (exception is OperationCanceledException && terminal.Stop.IsCancellationRequested)
        {
            if (terminal.StopCode() != ExitCodes.PipeClosed)
                terminal.Log("stopped");
            return terminal.StopCode();
        }

        var known = Known(exception);
        if (known is not null)
            terminal.Log($"error {known.Code}: {OneLine(known.Message)}", $"error {known.Code}:", "red");
        else
            terminal.Error.WriteLine($"error MNC9099: {exception.GetType().Name}: {OneLine(exception.Message)}{(verbose ? "" : " Run with --verbose for details.")}");
        if (verbose)
            terminal.Error.WriteLine(exception.ToString());
        return known?.Kind switch
        {
            ErrorKind.Usage => ExitCodes.Usage,
            ErrorKind.Data => ExitCodes.DataRejected,
            _ => ExitCodes.Failure,
        };
    }

    static MlNetCifarException? Known(Exception exception) => exception switch
    {
        MlNetCifarException known => known,
        AggregateException { InnerExceptions: [var inner] } => Known(inner),
        IOException or UnauthorizedAccessException => CliErrors.Disk(exception),
        OutOfMemoryException => CliErrors.Memory(exception),
        _ => null,
    };

    static string OneLine(string text) => text.ReplaceLineEndings(" ").Trim();
}
