using System.Globalization;
using System.Text.Json;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Stage;

/// <summary>What goes into one part: a file of the job folder, one JSON object a line, the first for the part and one for each row.</summary>
/// <param name="Number">The task's number in the job: several splits may have a part of the same number.</param>
/// <param name="Part">The part's number.</param>
/// <param name="Key">The plan's key of it.</param>
/// <param name="Items">Its images, in the order of its rows.</param>
sealed record PartTask(int Number, int Part, string Key, IReadOnlyList<ShardItem> Items)
{
    /// <summary>The task of one part of a plan; its images are made as they are written.</summary>
    public static PartTask Of(int number, ShardPlan plan, int part) => new(number, part, plan.Keys[part], plan.ItemsOf(part));

    public static string FileName(int number) => string.Create(CultureInfo.InvariantCulture, $"task_{number:D5}.jsonl");

    /// <summary>Writes it.</summary>
    /// <param name="store">Where the job folder is.</param>
    /// <param name="jobFolder">The job folder.</param>
    /// <param name="places">Where the images' blocks lie, as far as that is known; null for not at all.</param>
    /// <param name="root">The folder that the images' names are relative to, on its file system.</param>
    public void Write(IFileStore store, string jobFolder, BlockPlaces? places = null, string root = "") => store.Write($"{jobFolder}/{FileName(Number)}", stream =>
    {
        using var json = new Utf8JsonWriter(stream);
        WriteLine(stream, json, () =>
        {
            json.WriteNumber("part", Part);
            json.WriteString("key", Key);
            json.WriteNumber("count", Items.Count);
            places?.WriteHead(json);
        });
        foreach (var item in Items)
        {
            WriteLine(stream, json, () =>
            {
                json.WriteString("name", item.Name);
                json.WriteNumber("label", item.Label);
                json.WriteNumber("bytes", item.Length);
                places?.Write(json, $"{root.TrimEnd('/')}/{item.Name}");
            });
        }
    });

    static void WriteLine(Stream stream, Utf8JsonWriter json, Action content)
    {
        json.WriteStartObject();
        content();
        json.WriteEndObject();
        json.Flush();
        json.Reset();
        stream.WriteByte((byte)'\n');
    }
}
