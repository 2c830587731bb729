using MlNetCifar.Explain;

namespace MlNetCifar.Evaluation.Report;

/// <summary>A test image and where the network looked.</summary>
/// <param name="Row">Place of the image in the test data.</param>
/// <param name="Map">The map, of the images' size.</param>
/// <param name="Method">What made it, for people, for example <c>Grad-CAM, layer conv3</c>.</param>
public sealed record ExplainedImage(int Row, Heatmap Map, string Method);
