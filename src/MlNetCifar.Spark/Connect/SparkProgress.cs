namespace MlNetCifar.Spark.Connect;

/// <summary>How far a running query is.</summary>
/// <param name="Tasks">Tasks of all stages known so far.</param>
/// <param name="DoneTasks">Tasks that have ended.</param>
/// <param name="RunningTasks">Tasks at work.</param>
/// <param name="Stages">Stages known so far.</param>
/// <param name="BytesRead">Bytes read from the sources.</param>
public readonly record struct SparkProgress(long Tasks, long DoneTasks, long RunningTasks, int Stages, long BytesRead);
