using MlNetCifar.App.Cli;

NativeHeap.ReturnFreedBlocks();
using var signals = new Signals();
return CommandLine.Run(args, Terminal.OfProcess(signals));
