using System.Text.Json;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>What a worker needs to know before it hears from its run: the way to the data.</summary>
/// <param name="Access">That way.</param>
sealed record ExecutorJob(HdfsAccess Access)
{
    public string ToArgument()
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            Access.Write(json);
            json.WriteEndObject();
        }

        return JobArgument.Encode(stream.ToArray());
    }

    /// <exception cref="FormatException">The text is something else.</exception>
    public static ExecutorJob FromArgument(string text) => JobArgument.Decode(text, json => new ExecutorJob(HdfsAccess.Read(json)));
}
