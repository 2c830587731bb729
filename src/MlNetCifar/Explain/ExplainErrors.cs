namespace MlNetCifar.Explain;

/// <summary>The faults of explanations (MNC55xx).</summary>
internal static class ExplainErrors
{
    public static MlNetCifarException NoConvolution(string network) =>
        new("MNC5501", ErrorKind.Usage, $"Network '{network}' has no convolution, so that there is no feature map.", "Use occlusion, which needs none.");

    public static MlNetCifarException UnknownLayer(string layer, IEnumerable<string> known) =>
        new("MNC5502", ErrorKind.Usage, $"There is no convolution '{layer}'.", $"Choose one of {string.Join(", ", known)}.");
}
