namespace MlNetCifar;

/// <summary>How much of a backbone is trained further once a head has been fitted to its frozen features.</summary>
public enum FineTuning
{
    /// <summary>Nothing, unless a time budget leaves room for some epochs, and there are images to validate with: then as much as it has room for.</summary>
    Auto,

    /// <summary>Nothing.</summary>
    None,

    /// <summary>The layers behind the last change of the picture's size, and the head.</summary>
    LastStage,

    /// <summary>All layers: the last stage from the beginning, the others one after the other towards the stem, each at a lower rate than the one behind it.</summary>
    All,
}
