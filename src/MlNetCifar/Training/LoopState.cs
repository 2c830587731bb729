namespace MlNetCifar.Training;

/// <summary>
/// Where a run stands: everything besides the float blocks that its next step depends on. The loop writes it, observers see it through <see cref="TrainingRun"/>, and a
/// checkpoint saves and restores it whole. Random numbers need no state: they are functions of (seed, purpose, epoch, sample), and the place in the schedule and in
/// the order of samples follows from the step.
/// </summary>
internal sealed record LoopState
{
    /// <summary>Steps done in all.</summary>
    public long Step { get; set; }

    /// <summary>The epoch under way, from 0.</summary>
    public int Epoch { get; set; }

    /// <summary>Steps done in it.</summary>
    public int StepInEpoch { get; set; }

    /// <summary>Sum of the loss over this epoch's images so far.</summary>
    public double LossSum { get; set; }

    /// <summary>This epoch's images so far.</summary>
    public long Images { get; set; }

    /// <summary>Those that were classified correctly.</summary>
    public long Correct { get; set; }

    /// <summary>Time this epoch has taken so far.</summary>
    public double EpochSeconds { get; set; }

    /// <summary>Time the run has taken so far, breaks not counted.</summary>
    public double ElapsedSeconds { get; set; }

    /// <summary>Recent time of a step; 0 before the first.</summary>
    public double StepSeconds { get; set; }

    /// <summary>Recent time of an image in a step; 0 before the first.</summary>
    public double ImageSeconds { get; set; }

    /// <summary>Time the last validation took.</summary>
    public double? ValidationSeconds { get; set; }

    /// <summary><see cref="ImageSeconds"/> at that time.</summary>
    public double ImageSecondsAtValidation { get; set; }

    /// <summary>Loss of the last step; null before the first, and in checkpoints written before it was kept.</summary>
    public double? Loss { get; set; }

    /// <summary>Rate of the last step.</summary>
    public float LearningRate { get; set; }

    /// <summary>Finished epochs.</summary>
    public List<EpochRecord> History { get; init; } = [];

    /// <summary>The best epoch, from 1; 0 for none yet.</summary>
    public int BestEpoch { get; set; }

    /// <summary>Its score; −∞ before the first.</summary>
    public double BestScore { get; set; } = double.NegativeInfinity;

    /// <summary>The last score that counted as an improvement for early stopping; null before the first, and in checkpoints written before there was one.</summary>
    public double? PatienceScore { get; set; }

    /// <summary>Epochs since then.</summary>
    public int SinceBest { get; set; }

    /// <summary>Epochs in the mean of weights; 0 where none is kept, or none has begun.</summary>
    public int AveragedEpochs { get; set; }

    /// <summary>The last of them, from 1; 0 for none.</summary>
    public int AveragedEpoch { get; set; }

    /// <summary>A copy that later steps leave alone.</summary>
    public LoopState Copy() => this with { History = [.. History] };

    /// <summary>Takes a step that has been done.</summary>
    public void Stepped(double loss, int correct, int images, float rate)
    {
        Step++;
        StepInEpoch++;
        LossSum += loss * images;
        Images += images;
        Correct += correct;
        (Loss, LearningRate) = (loss, rate);
    }

    /// <summary>Goes on to the next epoch, whose figures are added to this one's.</summary>
    public void NextEpoch()
    {
        Epoch++;
        StepInEpoch = 0;
    }

    /// <summary>Takes a finished epoch and goes on to the next.</summary>
    /// <param name="record">What the epoch left behind. Without validation the last epoch is the best.</param>
    /// <param name="minimumDelta">Gain over the last score that counted above which another one counts, ≥ 0.</param>
    /// <returns>Whether it is the best so far.</returns>
    public bool Finish(EpochRecord record, double minimumDelta)
    {
        var bestLoss = History.FirstOrDefault(e => e.Epoch == BestEpoch)?.ValidationLoss;
        History.Add(record);
        NextEpoch();
        (LossSum, Images, Correct, EpochSeconds) = (0, 0, 0, 0);
        if (record.ValidationAccuracy is not { } score)
        {
            (BestScore, BestEpoch, SinceBest) = (record.Epoch, record.Epoch, 0);
            return true;
        }

        if (!IsBest(score, record.ValidationLoss < bestLoss, minimumDelta))
            return false;
        (BestScore, BestEpoch) = (score, record.Epoch);
        return true;
    }

    /// <summary>
    /// As in Keras' EarlyStopping, a score counts where it is more than the minimum delta above the last one that counted, so small gains add up until they do. On few
    /// images many epochs have one score: of these the one of the least loss is the best, which is no gain that patience counts.
    /// </summary>
    bool IsBest(double score, bool hasLessLoss, double minimumDelta)
    {
        var counts = score - minimumDelta > (PatienceScore ?? BestScore);
        (PatienceScore, SinceBest) = counts ? (score, 0) : (PatienceScore, SinceBest + 1);
        return (counts && score > BestScore) || (score == BestScore && hasLessLoss);
    }
}
