using System.Diagnostics;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Evaluation;

/// <summary>Opens pages in headless Chromium, where the machine has one.</summary>
internal static class Chromium
{
    static readonly string[] s_names = ["chromium", "chromium-browser", "google-chrome"];

    static readonly string[] s_switches =
    [
        "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update",
        "--disable-sync", "--hide-scrollbars", "--force-device-scale-factor=1", "--enable-logging=stderr",
    ];

    /// <summary>Takes a picture of a page.</summary>
    /// <returns>The PNG file, and the lines that the page wrote to its console.</returns>
    public static (byte[] Png, string[] Console) Screenshot(string page, int width, int height, params ReadOnlySpan<string> switches)
    {
        using var folder = new TestFolder();
        var picture = Path.Combine(folder.Root, "page.png");
        var errors = Run(
        [
            .. s_switches, .. switches, $"--user-data-dir={Path.Combine(folder.Root, "profile")}", $"--screenshot={picture}", $"--window-size={width},{height}",
            new Uri(page).AbsoluteUri,
        ]);
        if (!File.Exists(picture))
            Assert.Inconclusive($"Chromium took no picture: {errors}");
        return (File.ReadAllBytes(picture), [.. errors.Split('\n').Where(line => line.Contains("CONSOLE", StringComparison.Ordinal))]);
    }

    /// <summary>Starts it; what it says is dropped.</summary>
    public static Process Start(IEnumerable<string> arguments)
    {
        var process = Begin([.. s_switches, .. arguments]);
        process.ErrorDataReceived += static (_, _) => { };
        process.OutputDataReceived += static (_, _) => { };
        process.BeginErrorReadLine();
        process.BeginOutputReadLine();
        return process;
    }

    static Process Begin(IEnumerable<string> arguments)
    {
        var program = Environment.GetEnvironmentVariable("PATH")?.Split(Path.PathSeparator)
            .SelectMany(folder => s_names.Select(name => Path.Combine(folder, name))).FirstOrDefault(File.Exists);
        if (program is null)
            Assert.Inconclusive("There is no Chromium on this machine.");
        return Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardError = true, RedirectStandardOutput = true })!;
    }

    static string Run(IEnumerable<string> arguments)
    {
        using var process = Begin(arguments);
        var (errors, output) = (process.StandardError.ReadToEndAsync(), process.StandardOutput.ReadToEndAsync());
        if (!process.WaitForExit(TimeSpan.FromMinutes(3)))
        {
            process.Kill(entireProcessTree: true);
            Assert.Inconclusive("Chromium did not finish within three minutes.");
        }

        return errors.Result + output.Result;
    }
}
