namespace MlNetCifar.Data;

/// <summary>What tells the class of an image file.</summary>
public enum LabelSource
{
    /// <summary>The folder it lies in.</summary>
    Folder,

    /// <summary>The beginning of its own name: <c>cat.0.jpg</c> and <c>cat_17.jpg</c> are of class <c>cat</c>.</summary>
    Name,
}
