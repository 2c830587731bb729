using MlNetCifar.Numerics;

namespace MlNetCifar.Tests.Evaluation;

/// <summary>A seeded imaginary classifier: labels with given shares, and softmax scores of a given skill and sharpness.</summary>
internal sealed class SyntheticScores
{
    /// <param name="count">Images.</param>
    /// <param name="classes">Number of classes.</param>
    /// <param name="seed">Same seed, same scores.</param>
    /// <param name="skill">Lead of the true class's logit in standard deviations of the noise.</param>
    /// <param name="sharpness">Factor on the logits: above 1 the model is too sure.</param>
    /// <param name="labelsOf">Take the labels of this seed, so that two models see the same test data; null for the own seed.</param>
    public SyntheticScores(int count, int classes, ulong seed = 1, double skill = 2.5, double sharpness = 1, ulong? labelsOf = null)
    {
        Classes = [.. Enumerable.Range(0, classes).Select(i => classes == 10 ? s_cifar[i] : $"class-{i}")];
        Labels = new int[count];
        Logits = new float[count * classes];
        Scores = new float[count * classes];
        Names = [.. Enumerable.Range(0, count).Select(i => $"test/{i:00000}.jpg")];
        for (var i = 0; i < count; i++)
        {
            var random = new SplitRandom(seed, RandomPurpose.Bootstrap, 77, (ulong)i);
            var label = Labels[i] = new SplitRandom(labelsOf ?? seed, RandomPurpose.Split, 77, (ulong)i).Next(classes);
            for (var c = 0; c < classes; c++)
            {
                var kin = classes == 10 && s_kin[label] == c ? 0.55 : 0;
                Logits[(i * classes) + c] = (float)(sharpness * ((c == label ? skill : kin * skill) + random.NextGaussian()));
            }

            Softmax(Logits.AsSpan(i * classes, classes), Scores.AsSpan(i * classes, classes));
        }
    }

    static readonly string[] s_cifar = ["airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"];
    static readonly int[] s_kin = [8, 9, 6, 5, 7, 3, 2, 4, 0, 1];

    public string[] Classes { get; }

    public int[] Labels { get; }

    public float[] Logits { get; }

    public float[] Scores { get; }

    public string[] Names { get; }

    public static void Softmax(ReadOnlySpan<float> logits, Span<float> scores)
    {
        var max = float.NegativeInfinity;
        foreach (var logit in logits)
            max = MathF.Max(max, logit);
        var sum = 0.0;
        for (var i = 0; i < logits.Length; i++)
            sum += Math.Exp(logits[i] - max);
        for (var i = 0; i < logits.Length; i++)
            scores[i] = (float)(Math.Exp(logits[i] - max) / sum);
    }
}
