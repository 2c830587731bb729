namespace MlNetCifar.App.Cli;

/// <summary>Exit codes of every command.</summary>
internal static class ExitCodes
{
    public const int Ok = 0;
    public const int Failure = 1;
    public const int Usage = 2;
    public const int DataRejected = 3;
    public const int HungUp = 129;
    public const int Interrupted = 130;
    public const int PipeClosed = 141;
    public const int Terminated = 143;
}
