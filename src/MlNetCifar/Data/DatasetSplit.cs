namespace MlNetCifar;

/// <summary>The part of a data set a picture belongs to.</summary>
public enum DatasetSplit
{
    /// <summary>For fitting; the classes come from here.</summary>
    Train,

    /// <summary>For choosing: early stopping, tuning.</summary>
    Validation,

    /// <summary>For the final figure.</summary>
    Test,
}
