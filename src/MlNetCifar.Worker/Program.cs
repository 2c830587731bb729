using MlNetCifar.Spark.Executors;

return ExecutorHost.Run(args, Console.OpenStandardInput(), Console.OpenStandardOutput(), Console.Error);
