using System.Text.Json;
using MlNetCifar.Files;

namespace MlNetCifar;

/// <summary>A file that was left out, and why.</summary>
/// <param name="Path">The file.</param>
/// <param name="Code">The error's code, for example <c>MNC1203</c>.</param>
/// <param name="Reason">What was found and expected.</param>
public sealed record BadFile(string Path, string Code, string Reason)
{
    /// <summary>The file's name in a run or data folder.</summary>
    public const string FileName = "bad_files.jsonl";

    /// <summary>Writes <c>bad_files.jsonl</c>: one object with <c>path</c>, <c>code</c> and <c>reason</c> a line.</summary>
    /// <param name="files">The files; may be empty.</param>
    /// <param name="path">The file to write.</param>
    /// <param name="store">Null for the local disk.</param>
    public static void Write(IEnumerable<BadFile> files, string path, IFileStore? store = null)
    {
        ArgumentNullException.ThrowIfNull(files);
        (store ?? LocalFileStore.Instance).Write(path, stream =>
        {
            foreach (var file in files)
            {
                using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }))
                {
                    json.WriteStartObject();
                    json.WriteString("path", Secrets.InAddress(file.Path));
                    json.WriteString("code", file.Code);
                    json.WriteString("reason", Secrets.InText(file.Reason));
                    json.WriteEndObject();
                }

                stream.WriteByte((byte)'\n');
            }
        });
    }
}
