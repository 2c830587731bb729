using System.Text;
using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Files;

namespace MlNetCifar.Spark.Stage;

/// <summary>Reads what <see cref="PartTask"/> has written, an image at a time. The text is fetched first: a source left open for as long as a part takes might be cut off.</summary>
sealed class PartTaskReader : IDisposable
{
    const int MemoryBytes = 8 << 20;

    readonly SpillStream _text = new(MemoryBytes, Path.GetTempPath());
    readonly StreamReader _lines;

    public PartTaskReader(IFileStore store, string jobFolder, int part)
    {
        using (var source = store.OpenRead($"{jobFolder}/{PartTask.FileName(part)}"))
            source.CopyTo(_text);
        _lines = new(_text, Encoding.UTF8, false, 1 << 16);
        using var head = Line();
        Part = head.RootElement.GetProperty("part").GetInt32();
        Key = head.RootElement.GetProperty("key").GetString()!;
        Count = head.RootElement.GetProperty("count").GetInt32();
    }

    /// <summary>The part's number.</summary>
    public int Part { get; }

    /// <summary>The plan's key of it.</summary>
    public string Key { get; }

    /// <summary>Number of its images.</summary>
    public int Count { get; }

    /// <summary>Its images, in the order of its rows; to be read once.</summary>
    public IEnumerable<ShardItem> Items()
    {
        for (var i = 0; i < Count; i++)
        {
            using var line = Line();
            var root = line.RootElement;
            yield return new(root.GetProperty("name").GetString()!, root.GetProperty("label").GetInt32(), root.GetProperty("bytes").GetInt64());
        }
    }

    public void Dispose() => _lines.Dispose();

    JsonDocument Line() => JsonDocument.Parse(_lines.ReadLine() ?? "");
}
