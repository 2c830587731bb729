namespace MlNetCifar.Spark.Hdfs;

/// <summary>What name nodes have done so far: what has worked is worth waiting for, what never has may be a wrong address. Thread-safe.</summary>
sealed class HdfsContact
{
    volatile bool _hasChanged;
    volatile bool _hasAnswered;

    /// <summary>Whether a name node has ever answered.</summary>
    public bool HasAnswered => _hasAnswered;

    /// <summary>Notes an answer.</summary>
    /// <param name="hasChanged">Whether a change was made: a name node in safe mode answers questions only.</param>
    public void Answered(bool hasChanged)
    {
        _hasAnswered = true;
        _hasChanged |= hasChanged;
    }

    /// <summary>Whether what failed has worked before.</summary>
    public bool IsWorthWaiting(Exception fault) => fault is TransientHdfsException { Error.Code: HdfsErrors.SafeModeCode } ? _hasChanged : _hasAnswered;
}
