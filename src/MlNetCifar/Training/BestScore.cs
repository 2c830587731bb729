namespace MlNetCifar.Training;

/// <summary>
/// The best score so far, and for how many epochs none was better by as much as counts: as in Keras' EarlyStopping, a score counts where it is more than the minimum
/// delta above the last one that counted, so small gains add up. Unlike there, every gain makes an epoch the best.
/// </summary>
/// <param name="minimumDelta">≥ 0.</param>
internal sealed class BestScore(double minimumDelta)
{
    /// <summary>The best score; −∞ before the first.</summary>
    public double Best { get; set; } = double.NegativeInfinity;

    /// <summary>The last score that counted; −∞ before the first.</summary>
    public double Counted { get; set; } = double.NegativeInfinity;

    /// <summary>Epochs since then.</summary>
    public int Since { get; set; }

    /// <summary>Takes the next epoch's score.</summary>
    /// <returns>Whether it is the best.</returns>
    public bool Add(double score)
    {
        Since++;
        if (score - minimumDelta > Counted)
            (Counted, Since) = (score, 0);
        if (score <= Best)
            return false;
        Best = score;
        return true;
    }
}
