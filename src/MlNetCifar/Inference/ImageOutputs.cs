namespace MlNetCifar.Inference;

/// <summary>All that a calibration looks at, for N pictures.</summary>
/// <param name="Logits">[N, classes].</param>
/// <param name="Features">Inputs of the network's last dense layer, [N, D]; empty where it has none.</param>
/// <param name="Texture">Contrast and roughness, [N, 2].</param>
internal sealed record ImageOutputs(float[] Logits, float[] Features, float[] Texture);
