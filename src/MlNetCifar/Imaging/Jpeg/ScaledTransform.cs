namespace MlNetCifar.Imaging.Jpeg;

/// <summary>Inverse DCT to 4×4, 2×2 or 1×1 samples a block.</summary>
static class ScaledTransform
{
    public static int ChooseSize(JpegHeader header, DecodeOptions options) => 8;

    public static int ComponentSize(JpegComponent component, JpegHeader header, int size)
    {
        _ = component;
        _ = header;
        return size;
    }

    public static void Run(ReadOnlySpan<short> coefficients, ReadOnlySpan<short> quantizer, Span<byte> samples, int stride, int size) =>
        throw new NotSupportedException();
}
