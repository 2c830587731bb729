using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;
using MlNetCifar.Spark;

NativeHeap.ReturnFreedBlocks();
using var signals = new Signals();
var terminal = Terminal.OfProcess(signals);
RetryPolicy.Told = terminal.Log;
return CommandLine.Run(args, terminal, AllVerbs.Create());
