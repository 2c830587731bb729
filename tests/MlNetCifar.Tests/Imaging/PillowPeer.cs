using System.Diagnostics;

namespace MlNetCifar.Tests.Imaging;

/// <summary>Debian's Pillow, hence its libjpeg-turbo and libpng, in a process of its own.</summary>
sealed class PillowPeer : IDisposable
{
    readonly Process _process = Start(Path.Combine(GoldenPictures.Folder, "..", "decode_digests.py"));

    /// <summary>Ends the test as inconclusive where there is no Pillow.</summary>
    public static void Require()
    {
        if (!File.Exists("/usr/bin/python3")) Assert.Inconclusive("Debian's python3 is not installed.");
        using var process = Start("-c", "import PIL");
        process.WaitForExit();
        if (process.ExitCode != 0) Assert.Inconclusive("Debian's python3-pil is not installed.");
    }

    /// <summary>SHA-256 of the RGB pixels, or "error" and the reason.</summary>
    public string Decode(string file)
    {
        _process.StandardInput.WriteLine(file);
        _process.StandardInput.Flush();
        return _process.StandardOutput.ReadLine() ?? throw new InvalidOperationException($"Pillow ended at {file}.");
    }

    public void Dispose()
    {
        _process.StandardInput.Close();
        _process.WaitForExit();
        _process.Dispose();
    }

    public static Process Start(params string[] arguments) =>
        Process.Start(new ProcessStartInfo("/usr/bin/python3", arguments) { RedirectStandardInput = true, RedirectStandardOutput = true })!;
}
