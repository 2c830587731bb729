namespace MlNetCifar.Numerics;

/// <summary>Labels of images that are mixtures of two: the second label, and the share of the first. Empty where nothing is mixed.</summary>
/// <param name="second">[n].</param>
/// <param name="shares">[n], 0 … 1.</param>
internal readonly ref struct LabelMix(ReadOnlySpan<int> second, ReadOnlySpan<float> shares)
{
    readonly ReadOnlySpan<int> _second = second;
    readonly ReadOnlySpan<float> _shares = shares;

    /// <summary>What an image's labels weigh; the second weighs nothing where there is none.</summary>
    /// <param name="i">The image.</param>
    /// <param name="label">Its first label.</param>
    /// <param name="classWeights">[K], or empty for ones.</param>
    public (double FirstWeight, int Second, double SecondWeight) Parts(int i, int label, ReadOnlySpan<float> classWeights)
    {
        var first = classWeights.IsEmpty ? 1.0 : classWeights[label];
        if (_second.IsEmpty)
            return (first, label, 0);
        var second = _second[i];
        return (_shares[i] * first, second, (1.0 - _shares[i]) * (classWeights.IsEmpty ? 1.0 : classWeights[second]));
    }
}
