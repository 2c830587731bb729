namespace MlNetCifar.Spark.Stage;

/// <summary>What an executor's process does about faults.</summary>
static class Attempt
{
    /// <summary>The exit code of a worker that must be tried again.</summary>
    const int Retry = 75;

    /// <summary>Spark reads what a program says on a thread of its own, and on a busy machine has not got to it when the program ends at once.</summary>
    static readonly TimeSpan s_lastWords = TimeSpan.FromMilliseconds(300);

    /// <summary>Works.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(TextWriter error, Action work)
    {
        try
        {
            work();
            return 0;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            return Fail(error, e is MlNetCifarException known ? $"{known.Code}: {known.Message}" : $"{e.GetType().Name}: {e.Message}");
        }
    }

    /// <summary>Says why an attempt failed: Spark shows the end of what is written here, so the reason alone is written, and nothing after it.</summary>
    /// <returns>The exit code.</returns>
    public static int Fail(TextWriter error, string reason)
    {
        error.WriteLine(reason);
        error.Flush();
        Thread.Sleep(s_lastWords);
        return Retry;
    }
}
