namespace MlNetCifar;

/// <summary>One layer in a report.</summary>
/// <param name="Name">Its place in the network.</param>
/// <param name="Details">Its hyper-parameters, for people.</param>
/// <param name="Output">Shape of its output, height×width×channels.</param>
/// <param name="Parameters">Numbers that are trained.</param>
/// <param name="Flops">Operations forward, of one image.</param>
internal sealed record ReportLayer(string Name, string Details, string Output, long Parameters, double Flops);
