using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;

NativeHeap.ReturnFreedBlocks();
using var signals = new Signals();
return CommandLine.Run(args, Terminal.OfProcess(signals), AllVerbs.Create());
