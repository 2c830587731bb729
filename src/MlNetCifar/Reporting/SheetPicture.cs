namespace MlNetCifar;

/// <summary>One explained picture on a sheet.</summary>
/// <param name="Image">Name of the image file, relative to the sheet.</param>
/// <param name="Name">What the picture is called.</param>
/// <param name="Label">The class that is explained.</param>
/// <param name="Probability">Its probability, 0 … 1.</param>
/// <param name="Note">More about it: the layer, scores; may be empty.</param>
public sealed record SheetPicture(string Image, string Name, string Label, double Probability, string Note);
