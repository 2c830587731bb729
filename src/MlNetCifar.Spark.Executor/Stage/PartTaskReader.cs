using System.Text;
using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Protos.Hadoop;

namespace MlNetCifar.Spark.Stage;

/// <summary>
/// Reads what <see cref="PartTask"/> has written, an image at a time. The text is fetched first: a source left open for as long as a part takes might be cut off.
/// </summary>
sealed class PartTaskReader : IDisposable
{
    const int MemoryBytes = 8 << 20;

    readonly StreamReader _lines;
    readonly BlockPlaceReader _places;

    public PartTaskReader(IFileStore store, string jobFolder, int number)
    {
        using (var source = store.OpenRead($"{jobFolder}/{PartTask.FileName(number)}"))
            _lines = new(Fetch(source), Encoding.UTF8, false, 1 << 16);
        using var head = Line();
        Part = head.RootElement.GetProperty("part").GetInt32();
        Key = head.RootElement.GetProperty("key").GetString()!;
        Count = head.RootElement.GetProperty("count").GetInt32();
        _places = new(head.RootElement);
    }

    /// <summary>The part's number.</summary>
    public int Part { get; }

    /// <summary>The plan's key of it.</summary>
    public string Key { get; }

    /// <summary>Number of its images.</summary>
    public int Count { get; }

    /// <summary>Its images, in the order of its rows; to be read once.</summary>
    public IEnumerable<ShardItem> Items() => PlacedItems().Select(p => p.Item);

    /// <summary>Its images, in the order of its rows, each with its block where the driver knew it; to be read once.</summary>
    public IEnumerable<PlacedImage> PlacedItems()
    {
        for (var i = 0; i < Count; i++)
        {
            using var line = Line();
            var root = line.RootElement;
            var item = new ShardItem(root.GetProperty("name").GetString()!, root.GetProperty("label").GetInt32(), root.GetProperty("bytes").GetInt64());
            yield return new(item, _places.Read(root, item.Length));
        }
    }

    public void Dispose() => _lines.Dispose();

    // A long text goes into a file that vanishes with it: it must not add to the memory of a worker.
    static Stream Fetch(Stream source)
    {
        Stream text = new MemoryStream();
        var block = new byte[1 << 16];
        for (int n; (n = source.Read(block)) > 0; text.Write(block, 0, n))
            if (text is MemoryStream && text.Length + n > MemoryBytes)
                text = Spill(text);
        text.Position = 0;
        return text;
    }

    static FileStream Spill(Stream text)
    {
        var path = Path.Combine(Path.GetTempPath(), $"mlnetcifar-{Guid.NewGuid():N}.jsonl");
        var file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16, FileOptions.DeleteOnClose);
        // Elsewhere only a close would delete it, which a killed process does not come to.
        if (!OperatingSystem.IsWindows())
            File.Delete(path);
        text.Position = 0;
        text.CopyTo(file);
        return file;
    }

    JsonDocument Line() => JsonDocument.Parse(_lines.ReadLine() ?? "");
}

/// <summary>An image of a task.</summary>
/// <param name="Item">The image.</param>
/// <param name="Block">Where it lies, where the driver knew that.</param>
sealed record PlacedImage(ShardItem Item, LocatedBlockProto? Block);
