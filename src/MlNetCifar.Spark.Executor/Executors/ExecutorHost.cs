using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>The program that runs in executors: makes shards, trains, runs a trial, or scores, as its first argument says.</summary>
public static class ExecutorHost
{
    /// <summary>Works until the end of the input.</summary>
    /// <param name="arguments">The job, as the driver wrote it; before it what kind of job, unless it is one of the image stage.</param>
    /// <param name="input">Rows from Spark.</param>
    /// <param name="output">Rows to Spark.</param>
    /// <param name="error">What Spark shows where the attempt fails.</param>
    /// <returns>The exit code: 0 only after the end of the input.</returns>
    public static int Run(string[] arguments, Stream input, Stream output, TextWriter error) => arguments switch
    {
        [TrainHost.Name, var job] => TrainHost.Run(job, input, output, error),
        [TrialHost.Name, var job] => TrialHost.Run(job, input, output, error),
        [ScoreHost.Name, var model, var job] => ScoreHost.Run(model, job, input, output, error),
        [PredictHost.Name, var model, var job] => PredictHost.Run(model, job, input, output, error),
        _ => WorkerHost.Run(arguments, input, output, error),
    };
}
