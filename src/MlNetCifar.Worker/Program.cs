using MlNetCifar.Spark.Stage.Worker;

return WorkerHost.Run(args, Console.OpenStandardInput(), Console.OpenStandardOutput(), Console.Error);
