using MlNetCifar.Spark.Stage;

return WorkerHost.Run(args, Console.OpenStandardInput(), Console.OpenStandardOutput(), Console.Error);
