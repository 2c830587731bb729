namespace MlNetCifar.Imaging;

/// <summary>How a component's samples become as many as the picture has pixels.</summary>
enum UpsampleKind
{
    None,
    FancyH2V1,
    FancyH1V2,
    FancyH2V2,
    Replicate,
}

/// <summary>
/// One colour component: its geometry, coefficients and samples. Coefficients are stored by groups of four neighbouring blocks,
/// row r of the four blocks side by side ([groups, 8 rows, 4 blocks, 8 columns]), which is the order in which the transform reads them.
/// </summary>
sealed class JpegComponent
{
    public const int GroupLength = 4 * 64;

    public int Id;
    public int Horizontal;
    public int Vertical;
    public int QuantizerIndex;
    public int DcIndex;
    public int AcIndex;
    public int DcPrediction;
    public bool HasQuantizer;

    /// <summary>One bit for each zigzag position whose coefficients have been sent to the last bit.</summary>
    public ulong Finished;

    /// <summary>Blocks that hold picture samples.</summary>
    public int BlocksWide, BlocksHigh;

    /// <summary>Blocks including those that only fill up the last MCU of a row or column.</summary>
    public int PaddedBlocksWide, PaddedBlocksHigh;

    /// <summary>Samples a block side yields: 8, or 4, 2, 1 in scaled decoding.</summary>
    public int BlockSize;

    /// <summary>Samples of the whole component at its own resolution (after scaling).</summary>
    public int Width, Height;

    /// <summary>Bytes from one row of samples to the next.</summary>
    public int Stride;

    public int HorizontalFactor, VerticalFactor;
    public UpsampleKind Upsampling;

    /// <summary>Quantizer steps, laid out as the coefficients of a group, the same for each of its blocks.</summary>
    public readonly short[] Quantizer = new short[GroupLength];

    public short[] Coefficients = [];
    public byte[] Samples = [];

    /// <summary>Shorts in one row of blocks.</summary>
    public int CoefficientStride => (PaddedBlocksWide + 3) / 4 * GroupLength;

    public ReadOnlySpan<byte> SampleRow(int y) => Samples.AsSpan(Math.Clamp(y, 0, Height - 1) * Stride, Stride);

    /// <summary>Offset of a block's first coefficient inside its row of blocks.</summary>
    public static int BlockOffset(int column) => (column >> 2) * GroupLength + (column & 3) * 8;
}
