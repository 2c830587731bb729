using System.Diagnostics;
using MlNetCifar.Tests.MLNet;

namespace MlNetCifar.Tests.TestKit;

/// <summary>What tests run in a process of its own, in which nothing has happened yet.</summary>
static class OwnProcess
{
    static int Main(string[] args)
    {
        switch (args)
        {
            case ["mlnet-predict", var model, var folder, .. var paths]:
                FreshProcess.Predict(model, folder, paths, Console.Out);
                return 0;
            case ["mlnet-forget", var model]:
                FreshProcess.LoadWithoutRegistration(model, Console.Out);
                return 0;
            case ["trial"]:
                Tuning.BadTrials.Run();
                return 0;
            case ["formats", var data, var picture]:
                Imaging.MoreFormatsTests.InOwnProcess(data, picture, Console.Out);
                return 0;
            case ["run", var program, .. var rest]:
                return System.Reflection.Assembly.LoadFrom(program).EntryPoint!.Invoke(null, [rest]) as int? ?? 0;
            default:
                Console.Error.WriteLine($"unknown: {string.Join(' ', args)}");
                return 2;
        }
    }

    /// <summary>Runs it.</summary>
    /// <returns>What was written to standard output.</returns>
    public static string Run(params string[] args) => RunIn(Environment.CurrentDirectory, args);

    /// <summary>Runs it in a folder.</summary>
    /// <returns>What was written to standard output.</returns>
    public static string RunIn(string folder, params string[] args) => Run(Info(folder, args));

    /// <summary>Runs it as <see cref="Info"/> says, with whatever was added, or any other program.</summary>
    /// <returns>What was written to standard output.</returns>
    public static string Run(ProcessStartInfo start)
    {
        start.RedirectStandardError = true;
        using var process = Process.Start(start)!;
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.AreEqual(0, process.ExitCode, error.Result);
        return output;
    }

    /// <summary>Starts it in a folder, for whoever talks to it; both outputs must be read.</summary>
    public static Process Start(string folder, params string[] args) => Process.Start(Info(folder, args))!;

    /// <summary>How it is started in a folder.</summary>
    public static ProcessStartInfo Info(string folder, params string[] args) => new("dotnet", ["exec", typeof(OwnProcess).Assembly.Location, .. args])
    {
        RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder,
    };
}
