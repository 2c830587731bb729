using MlNetCifar.Nn;
using MlNetCifar.Numerics;

namespace MlNetCifar.Inference;

/// <summary>What a network's outputs say about its classes.</summary>
internal static class ClassScores
{
    /// <summary>Class probabilities: of the sigmoid both columns, 1 − p and p.</summary>
    /// <param name="network">Whose outputs.</param>
    /// <param name="outputs">[n, outputs].</param>
    /// <returns>[n, classes].</returns>
    public static float[] Probabilities(NetworkSpec network, ReadOnlySpan<float> outputs)
    {
        var scores = new float[outputs.Length / network.Outputs * network.Classes];
        for (var i = 0; i < scores.Length / network.Classes; i++)
        {
            var row = scores.AsSpan(i * network.Classes, network.Classes);
            if (network.Loss == LossKind.SigmoidCrossEntropy)
                (row[0], row[1]) = ((float)(1 / (1 + Math.Exp(outputs[i]))), (float)(1 / (1 + Math.Exp(-outputs[i]))));
            else
                Losses.Softmax(outputs.Slice(i * network.Classes, network.Classes), row);
        }

        return scores;
    }

    /// <summary>The class with the highest score; the first among equals.</summary>
    /// <param name="scores">One a class.</param>
    public static int Best(ReadOnlySpan<float> scores)
    {
        var best = 0;
        for (var k = 1; k < scores.Length; k++)
            best = scores[k] > scores[best] ? k : best;
        return best;
    }

    /// <summary>What the softmax makes probabilities of: the single output z of a sigmoid network as −z ÷ 2 and z ÷ 2.</summary>
    /// <param name="network">Whose outputs.</param>
    /// <param name="outputs">[n, outputs].</param>
    /// <returns>[n, classes].</returns>
    public static float[] Logits(NetworkSpec network, float[] outputs) =>

        // Halves, so that both classes have the same energy when equally sure.
        network.Loss == LossKind.SigmoidCrossEntropy ? [.. outputs.SelectMany(z => new[] { -z / 2, z / 2 })] : outputs;
}
