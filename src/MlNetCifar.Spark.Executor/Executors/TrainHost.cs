using System.Text;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>A worker of a run in an executor. Its one row is the invitation to the run.</summary>
static class TrainHost
{
    public const string Name = "train";

    /// <summary>What an error is known by that says that nobody listens where the run should be.</summary>
    public const string NoRun = "MNC3312";

    public static int Run(string job, Stream input, Stream output, TextWriter error) => Attempt.Run(error, () =>
    {
        using var stores = ExecutorJob.FromArgument(job).Access.Open(RetryPolicy.Patient);
        ExecutorStorage.FindCache();
        using var pulse = new Pulse(output);
        using var rows = new StreamReader(input, Encoding.UTF8);
        Experiment.RunWorker(rows, new ExecutorStorage(stores));
        rows.ReadToEnd();
    });
}
