using System.Globalization;
using System.Text;
using MlNetCifar.Experiments;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Spark.Executors;

/// <summary>Scores pictures in an executor: task numbers in, what the network gave for each picture out.</summary>
static class ScoreHost
{
    public const string Name = "score";

    /// <summary>Bytes of a row; Spark holds some of them at once.</summary>
    const int MostBytes = 512 << 10;

    public static int Run(string model, string job, Stream input, Stream output, TextWriter error) => Run(model, ScoreJob.FromArgument(job), input, output, error, Score);

    /// <summary>Has the pictures of each task looked at, and the input read to its end.</summary>
    public static int Run(
        string model, ScoreJob job, Stream input, Stream output, TextWriter error, Func<ImageClassifier, ScoreJob, ScoredPictures, int, IEnumerable<string>> look) => Attempt.Run(error, () =>
    {
        using var stores = job.Access.Open(RetryPolicy.Patient);
        ExecutorStorage.FindCache();
        using var classifier = ImageClassifier.Load(model);
        using var pictures = new ScoredPictures(job, new(stores), classifier);
        using var rows = new StreamReader(input, Encoding.UTF8);
        using var writer = new StreamWriter(output, new UTF8Encoding(false)) { NewLine = "\n" };
        while (rows.ReadLine() is { } line)
            foreach (var row in look(classifier, job, pictures, int.Parse(line, NumberStyles.None, CultureInfo.InvariantCulture)))
                writer.WriteLine(row);
    });

    static IEnumerable<string> Score(ImageClassifier model, ScoreJob job, ScoredPictures pictures, int task)
    {
        var (source, first, count) = job.Runs[task];
        var images = pictures.Shards(source);
        var some = Math.Max(1, MostBytes / (sizeof(float) * (model.Network.Outputs + (job.WithFeatures ? model.FeatureCount : 0) + 4)));
        for (var at = first; at < first + count; at += some)
        {
            var scores = ImageScores.Of(model, images, at, Math.Min(some, first + count - at), job.Views, job.WithFeatures, job.WithHashes, threads: 1);
            yield return Convert.ToBase64String(scores.ToBytes());
        }
    }
}
