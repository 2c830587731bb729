using System.Text;

namespace MlNetCifar.Evaluation.Report;

/// <summary>Files that appear under their name only when complete.</summary>
internal static class AtomicFile
{
    static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Writes through a temporary file beside the target, then renames.</summary>
    public static void Write(string path, Action<Stream> write)
    {
        var temporary = $"{path}.{Environment.ProcessId}.tmp";
        try
        {
            using (var stream = File.Create(temporary))
                write(stream);
            File.Move(temporary, path, overwrite: true);
        }
        catch
        {
            File.Delete(temporary);
            throw;
        }
    }

    /// <summary>Writes text as UTF-8 with line feeds.</summary>
    public static void WriteText(string path, Action<TextWriter> write) => Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, s_utf8, bufferSize: 1 << 16) { NewLine = "\n" };
        write(writer);
    });
}
