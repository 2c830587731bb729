using System.Text;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>One trial of a sweep in an executor. Its one row in is the invitation to the sweep, its last row out what the trial gave.</summary>
static class TrialHost
{
    public const string Name = "trial";

    public static int Run(string job, Stream input, Stream output, TextWriter error) => Attempt.Run(error, () =>
    {
        using var stores = ExecutorJob.FromArgument(job).Access.Open(RetryPolicy.Patient);
        ExecutorStorage.FindCache();
        using var rows = new StreamReader(input, Encoding.UTF8);
        string said;
        using (new Pulse(output))
            said = Sweep.RunWorker(rows, new ExecutorStorage(stores));
        output.Write(Encoding.UTF8.GetBytes($"{said}\n"));
        output.Flush();
        rows.ReadToEnd();
    });
}
