namespace MlNetCifar;

/// <summary>What a check of a file's proof has found.</summary>
/// <param name="Pictures">Pictures compared.</param>
/// <param name="LargestDifference">Largest difference of a logit from the expected one, as a share of the largest expected.</param>
/// <param name="FirstDifferent">The first picture, from 0, whose logits differ by more than <c>ModelProof.Tolerance</c>; null where all agree.</param>
public sealed record ProofResult(int Pictures, double LargestDifference, int? FirstDifferent)
{
    /// <summary>Whether all agree.</summary>
    public bool Passes => FirstDifferent is null;
}
