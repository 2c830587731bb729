using MlNetCifar.App.Cli;

using var signals = new Signals();
return CommandLine.Run(args, Terminal.OfProcess(signals));
