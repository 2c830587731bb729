using MlNetCifar.Explain;

namespace MlNetCifar.MLNet;

/// <summary>Grad-CAM maps of a model's most probable classes. Thread-safe: whoever comes second waits, since each map takes all cores.</summary>
/// <param name="model">Borrowed.</param>
/// <param name="layer">Name of a convolution; null for the last on the main path.</param>
internal sealed class GradCamMaps(ImageClassifier model, string? layer)
{
    /// <summary>Bytes of pictures that are explained at once: all that a network computes of them is kept.</summary>
    const int BytesAtOnce = 1 << 19;

    readonly Lock _gate = new();
    GradCam? _explainer;

    /// <summary>Looks at pictures.</summary>
    /// <param name="pixels">[N, H, W, C], N ≥ 1.</param>
    /// <exception cref="MlNetCifarException">The network has no such convolution (MNC55xx).</exception>
    public IReadOnlyList<Heatmap> Of(byte[] pixels)
    {
        lock (_gate)
            return (_explainer ??= new GradCam(model, layer, Math.Clamp(BytesAtOnce / model.Preprocess.Length, 1, 16))).Explain(pixels);
    }

    /// <summary>Maps and pictures as answers.</summary>
    /// <param name="pixels">[N, H, W, C].</param>
    /// <param name="answers">[N]; added to.</param>
    public void AddTo(byte[] pixels, Answer[] answers)
    {
        var maps = Of(pixels);
        var length = pixels.Length / answers.Length;
        for (var i = 0; i < answers.Length; i++)
            answers[i] = answers[i] with { Map = maps[i], Pixels = pixels.AsMemory(i * length, length) };
    }
}
