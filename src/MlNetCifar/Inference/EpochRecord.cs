namespace MlNetCifar;

/// <summary>What one epoch of training left behind: one row of <c>results.csv</c> and one point of the report's curves.</summary>
/// <param name="Epoch">Number of the epoch, counted from 1.</param>
/// <param name="TrainLoss">Mean loss over the epoch's training batches, in nats.</param>
/// <param name="TrainAccuracy">Accuracy over the same batches, 0 … 1.</param>
/// <param name="ValidationLoss">Mean loss on the validation images after the epoch, in nats; null when there are none.</param>
/// <param name="ValidationAccuracy">Accuracy on the validation images after the epoch, 0 … 1; null when there are none.</param>
/// <param name="LearningRate">Learning rate at the end of the epoch.</param>
/// <param name="ImagesPerSecond">Training speed.</param>
/// <param name="Seconds">Duration of the epoch with its validation.</param>
public sealed record EpochRecord(
    int Epoch,
    double TrainLoss,
    double TrainAccuracy,
    double? ValidationLoss = null,
    double? ValidationAccuracy = null,
    double LearningRate = 0,
    double ImagesPerSecond = 0,
    double Seconds = 0);
