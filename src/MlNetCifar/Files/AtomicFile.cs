using System.Text;

namespace MlNetCifar.Files;

/// <summary>Text files that appear under their name only when complete.</summary>
internal static class AtomicFile
{
    static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false);

    /// <summary>Writes text as UTF-8 with line feeds.</summary>
    public static void WriteText(string path, Action<TextWriter> write) => LocalFileStore.Instance.Write(path, stream =>
    {
        using var writer = new StreamWriter(stream, s_utf8, bufferSize: 1 << 16, leaveOpen: true) { NewLine = "\n" };
        write(writer);
    });
}
