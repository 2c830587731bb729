namespace MlNetCifar.Reporting;

/// <summary>A test image and where the network looked.</summary>
/// <param name="Row">Place of the image in the test data.</param>
/// <param name="Class">Index of the class that the network named.</param>
/// <param name="Probability">What it gave that class; null where nothing in the picture spoke for it.</param>
/// <param name="Drawing">The image and, beside it, the same under a map, as <c>HeatmapOverlay.Draw</c> gives it.</param>
/// <param name="Method">What made it, for people, for example <c>Grad-CAM, layer conv3</c>.</param>
internal sealed record ExplainedImage(int Row, int Class, double? Probability, RgbImage Drawing, string Method);
