using System.Text;
using System.Text.Json;
using MlNetCifar.Spark.Hdfs;

namespace MlNetCifar.Spark.Executors;

/// <summary>Names what is on pictures, in an executor: task numbers in, an answer for each picture out.</summary>
static class PredictHost
{
    public const string Name = "predict";

    /// <summary>What an answer holds, in SQL's words.</summary>
    public const string Schema =
        "path STRING, answer STRING, probability FLOAT, unknown BOOLEAN, label STRING, label_set ARRAY<STRING>, labels ARRAY<STRING>, probabilities ARRAY<FLOAT>, code STRING, error STRING";

    public static int Run(string model, string job, Stream input, Stream output, TextWriter error) => ScoreHost.Run(model, ScoreJob.FromArgument(job), input, output, error, Answer);

    static IEnumerable<string> Answer(ImageClassifier model, ScoreJob job, ScoredPictures pictures, int task)
    {
        var (source, first, count) = job.Runs[task];
        for (var i = first; i < first + count; i++)
            yield return job.Sources[source].Split is null ? OfFile(model, job, pictures, pictures.Files(source)[i]) : OfShards(model, job, pictures, source, i);
    }

    static string OfShards(ImageClassifier model, ScoreJob job, ScoredPictures pictures, int source, int index)
    {
        var images = pictures.Shards(source);
        return Row(job, images.Name(index), images.Classes[images.Label(index)], model.Classify(images, index, job.Top), null);
    }

    static string OfFile(ImageClassifier model, ScoreJob job, ScoredPictures pictures, string file)
    {
        try
        {
            return Row(job, file, null, model.Classify(pictures.Decode(file), job.Top), null);
        }
        catch (MlNetCifarException e) when (!HdfsErrors.IsOutage(e))
        {
            return Row(job, file, null, null, e);
        }
    }

    static string Row(ScoreJob job, string name, string? label, Classification? answer, MlNetCifarException? fault)
    {
        using var stream = new MemoryStream();
        using (var json = new Utf8JsonWriter(stream))
        {
            json.WriteStartObject();
            json.WriteString("path", name);
            json.WriteString("label", label);
            if (answer is not null)
                Write(json, job, answer);
            json.WriteString("code", fault?.Code);
            json.WriteString("error", fault?.Message);
            json.WriteEndObject();
        }

        return Encoding.UTF8.GetString(stream.GetBuffer().AsSpan(0, (int)stream.Length));
    }

    static void Write(Utf8JsonWriter json, ScoreJob job, Classification answer)
    {
        var best = answer.Predictions[0];
        var isUnknown = answer.IsUnknown || (job.AbstainBelow is { } least && !(best.Probability >= least));
        json.WriteString("answer", isUnknown ? "unknown" : best.Label);
        json.WritePropertyName("probability");
        Write(json, best.Probability);
        json.WriteBoolean("unknown", isUnknown);
        if (answer.LabelSet is { } set)
            Write(json, "label_set", set);
        Write(json, "labels", answer.Predictions);
        json.WriteStartArray("probabilities");
        foreach (var prediction in answer.Predictions)
            Write(json, prediction.Probability);
        json.WriteEndArray();
    }

    /// <summary>JSON has no number for what a broken network gives.</summary>
    static void Write(Utf8JsonWriter json, float probability)
    {
        if (float.IsFinite(probability))
            json.WriteNumberValue(probability);
        else
            json.WriteNullValue();
    }

    static void Write(Utf8JsonWriter json, string name, IReadOnlyList<Prediction> predictions)
    {
        json.WriteStartArray(name);
        foreach (var prediction in predictions)
            json.WriteStringValue(prediction.Label);
        json.WriteEndArray();
    }
}
