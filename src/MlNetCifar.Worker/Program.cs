using Microsoft.Win32.SafeHandles;
using MlNetCifar.Spark.Executors;

return ExecutorHost.Run(args, Console.OpenStandardInput(), Output(), Console.Error);

// The console's stream says nothing of a pipe that nobody reads any more, and by that a worker knows that its executor is gone.
static Stream Output() => OperatingSystem.IsWindows() ? Console.OpenStandardOutput() : new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
