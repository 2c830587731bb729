using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace MlNetCifar.Imaging;

/// <summary>
/// Applies a <see cref="PreprocessSpec"/>: the one way from a file to the bytes a network sees, in training, in use and in explanations.
/// Thread-safe; allocates nothing once a thread's buffers have grown to size.
/// </summary>
public sealed class Preprocessor
{
    // Larger buffers are not kept between pictures.
    const int KeepBytes = 16 << 20;

    [ThreadStatic]
    static Workspace? s_workspace;

    readonly DecodeOptions _decode;

    /// <summary>Prepares to apply a specification.</summary>
    /// <param name="spec">What to do.</param>
    /// <param name="limits">What decoding accepts; null for the defaults. Orientation and scaled decoding are the specification's.</param>
    /// <exception cref="MlNetCifarException">A property is out of range (MNC1208).</exception>
    public Preprocessor(PreprocessSpec spec, DecodeOptions? limits = null)
    {
        ArgumentNullException.ThrowIfNull(spec);
        spec.Validate();
        Spec = spec;
        _decode = spec.ForDecoding(limits);
    }

    /// <summary>What this does.</summary>
    public PreprocessSpec Spec { get; }

    /// <summary>How files are decoded.</summary>
    internal DecodeOptions Decoding => _decode;

    /// <summary>Decodes a file as the specification says, and resizes and converts the picture.</summary>
    /// <param name="file">A whole JPEG, PNG, … file.</param>
    /// <param name="destination">[Height, Width, Channels] bytes; overwritten.</param>
    /// <param name="path">Named in errors.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short, or no bytes were given.</exception>
    /// <exception cref="MlNetCifarException">The file cannot be decoded (MNC12xx).</exception>
    public void Apply(ReadOnlySpan<byte> file, Span<byte> destination, string? path = null)
    {
        var image = ImageDecoder.Decode(Given(file), _decode, path);
        Apply(image, destination);
        image.Recycle();
    }

    /// <summary>As <see cref="Apply(ReadOnlySpan{byte}, Span{byte}, string?)"/>, for pictures whose client may go meanwhile.</summary>
    /// <param name="file">A whole JPEG, PNG, … file.</param>
    /// <param name="destination">[Height, Width, Channels] bytes; overwritten.</param>
    /// <param name="cancellation">Ends the decoding between two rows.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short, or no bytes were given.</exception>
    /// <exception cref="MlNetCifarException">The file cannot be decoded (MNC12xx).</exception>
    /// <exception cref="OperationCanceledException">Cancelled.</exception>
    public void Apply(ReadOnlySpan<byte> file, Span<byte> destination, CancellationToken cancellation)
    {
        var image = ImageDecoder.Decode(Given(file), cancellation.CanBeCanceled ? _decode with { Cancellation = cancellation } : _decode);
        cancellation.ThrowIfCancellationRequested();
        Apply(image, destination);
        image.Recycle();
    }

    /// <summary>Decodes a file whole, and makes the result of a part of it, whatever <see cref="PreprocessSpec.Resize"/> says of all of it.</summary>
    /// <param name="file">A whole file.</param>
    /// <param name="part">Chooses the part by width and height.</param>
    /// <param name="destination">[Height, Width, Channels] bytes; overwritten.</param>
    /// <param name="path">Named in errors.</param>
    internal void Apply(ReadOnlySpan<byte> file, Func<int, int, Box> part, Span<byte> destination, string? path = null)
    {
        var image = ImageDecoder.Decode(Given(file), _decode with { MinWidth = 0, MinHeight = 0 }, path);
        Apply(image, part, destination);
        image.Recycle();
    }

    /// <summary>Resizes and converts one picture.</summary>
    /// <param name="image">Any size; of a JPEG decoded with <see cref="PreprocessSpec.ForDecoding"/>, it gives what the file gives.</param>
    /// <param name="destination">[Height, Width, Channels] bytes; overwritten.</param>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too short.</exception>
    public void Apply(RgbImage image, Span<byte> destination) => Apply(image, null, destination);

    /// <summary>Resizes and converts a part of one picture; null for all of it, as <see cref="PreprocessSpec.Resize"/> says.</summary>
    internal void Apply(RgbImage image, Func<int, int, Box>? part, Span<byte> destination)
    {
        ArgumentNullException.ThrowIfNull(image);
        if (destination.Length < Spec.Length) throw new ArgumentException($"{destination.Length} bytes given, {Spec.Length} needed.", nameof(destination));
        destination = destination[..Spec.Length];
        var workspace = s_workspace ??= new Workspace();
        var pixels = Spec.Channels == 3 ? destination : Workspace.Reserve(ref workspace.Rgb, 3 * Spec.Width * Spec.Height);
        if (part is null)
            Place(image, pixels, workspace);
        else
            workspace.Resampler.Resize(image, part(image.Width, image.Height), Spec.Filter, new(Spec.Width, Spec.Height), Spec.Width, Spec.Height, pixels);
        if (Spec.Channels == 1) Smoothing.ToGrey(pixels, destination);
        if (Spec.Median > 0)
        {
            var copy = Workspace.Reserve(ref workspace.Smooth, destination.Length);
            destination.CopyTo(copy);
            Smoothing.Median(copy, destination, Spec.Width, Spec.Height, Spec.Channels, Spec.Median);
        }
        if (Spec.Blur > 0)
        {
            var scratch = Workspace.Reserve(ref workspace.Smooth, Smoothing.BlurScratch(Spec.Width, Spec.Height, Spec.Blur));
            Smoothing.Blur(destination, Spec.Width, Spec.Height, Spec.Channels, Spec.Blur, scratch);
        }
        if (workspace.Bytes > KeepBytes) s_workspace = null;
    }

    /// <summary>A file of no bytes is a fault of the file; no file at all is one of the program.</summary>
    internal static ReadOnlySpan<byte> Given(ReadOnlySpan<byte> file) =>
        Unsafe.IsNullRef(ref MemoryMarshal.GetReference(file)) ? throw new ArgumentException("No bytes were given.", nameof(file)) : file;

    void Place(RgbImage image, Span<byte> pixels, Workspace workspace)
    {
        var whole = new Box(0, 0, image.Width, image.Height);
        switch (Spec.Resize)
        {
            case ResizeMode.Stretch:
                workspace.Resampler.Resize(image, whole, Spec.Filter, new(Spec.Width, Spec.Height), Spec.Width, Spec.Height, pixels);
                break;
            case ResizeMode.CenterCrop:
                workspace.Resampler.Resize(image, CentredPart(image), Spec.Filter, new(Spec.Width, Spec.Height), Spec.Width, Spec.Height, pixels);
                break;
            case ResizeMode.FitPad:
                FitAndPad(image, whole, pixels, workspace);
                break;
            default:
                CoverAndCrop(image, whole, pixels, workspace);
                break;
        }
    }

    /// <summary>The largest centred part with the result's proportions.</summary>
    Box CentredPart(RgbImage image)
    {
        var ratio = (double)image.Width / image.Height;
        var wanted = (double)Spec.Width / Spec.Height;
        var width = ratio >= wanted ? wanted * image.Height : image.Width;
        var height = ratio >= wanted ? image.Height : image.Width / wanted;
        if (ratio == wanted) (width, height) = (image.Width, image.Height);
        var (left, top) = ((image.Width - width) * 0.5, (image.Height - height) * 0.5);
        return new Box((float)left, (float)top, (float)(left + width), (float)(top + height));
    }

    void FitAndPad(RgbImage image, Box whole, Span<byte> pixels, Workspace workspace)
    {
        var ratio = (double)image.Width / image.Height;
        var wanted = (double)Spec.Width / Spec.Height;
        var width = ratio < wanted ? Math.Max(1, (int)Math.Round((double)image.Width / image.Height * Spec.Height)) : Spec.Width;
        var height = ratio > wanted ? Math.Max(1, (int)Math.Round((double)image.Height / image.Width * Spec.Width)) : Spec.Height;
        var fitted = Workspace.Reserve(ref workspace.Fitted, 3 * width * height);
        workspace.Resampler.Resize(image, whole, Spec.Filter, new(width, height), width, height, fitted);
        for (var i = 0; i < pixels.Length; i += 3)
        {
            pixels[i] = (byte)(Spec.PadColor >> 16);
            pixels[i + 1] = (byte)(Spec.PadColor >> 8);
            pixels[i + 2] = (byte)Spec.PadColor;
        }
        var (left, top) = ((int)Math.Round((Spec.Width - width) * 0.5), (int)Math.Round((Spec.Height - height) * 0.5));
        for (var y = 0; y < height; y++) fitted.Slice(3 * width * y, 3 * width).CopyTo(pixels[(3 * ((y + top) * Spec.Width + left))..]);
    }

    void CoverAndCrop(RgbImage image, Box whole, Span<byte> pixels, Workspace workspace)
    {
        double scale = Spec.ShorterSide > 0
            ? (double)Spec.ShorterSide / Math.Min(image.Width, image.Height)
            : Math.Max((double)Spec.Width / image.Width, (double)Spec.Height / image.Height);
        // A side is cut off at this length so that no proportion, however odd, makes the intermediate picture huge.
        var width = (int)Math.Clamp(scale * image.Width + 1e-9, Spec.Width, 1 << 20);
        var height = (int)Math.Clamp(scale * image.Height + 1e-9, Spec.Height, 1 << 20);
        var (left, top) = ((int)Math.Round((width - Spec.Width) / 2.0), (int)Math.Round((height - Spec.Height) / 2.0));
        // Only the wanted part is computed: the same pixels as resizing all of it and cutting, for the kernels are placed alike.
        workspace.Resampler.Resize(image, whole, Spec.Filter, new(width, height, left, top), Spec.Width, Spec.Height, pixels);
    }

    sealed class Workspace
    {
        public byte[] Rgb = [];
        public byte[] Fitted = [];
        public byte[] Smooth = [];

        public Resampler Resampler { get; } = new();

        public long Bytes => (long)Rgb.Length + Fitted.Length + Smooth.Length + Resampler.Bytes;

        public static Span<byte> Reserve(ref byte[] buffer, int length)
        {
            if (buffer.Length < length) buffer = GC.AllocateUninitializedArray<byte>(length);
            return buffer.AsSpan(0, length);
        }
    }
}
