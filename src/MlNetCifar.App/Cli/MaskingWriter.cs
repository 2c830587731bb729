using System.Text;

namespace MlNetCifar.App.Cli;

/// <summary>Passes text on without the secrets of addresses. Whole strings are looked at; what comes character by character is passed as it is.</summary>
/// <param name="writer">Where to; not disposed.</param>
internal sealed class MaskingWriter(TextWriter writer) : TextWriter
{
    public override Encoding Encoding => writer.Encoding;

    [System.Diagnostics.CodeAnalysis.AllowNull]
    public override string NewLine
    {
        get => writer.NewLine;
        set => writer.NewLine = value;
    }

    public override void Write(char value) => writer.Write(value);

    public override void Write(char[] buffer, int index, int count) => writer.Write(buffer, index, count);

    public override void Write(string? value) => writer.Write(value is null ? null : Secrets.InText(value));

    public override void WriteLine() => writer.WriteLine();

    public override void WriteLine(string? value) => writer.WriteLine(value is null ? null : Secrets.InText(value));

    public override void Flush() => writer.Flush();
}
