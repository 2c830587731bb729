using MlNetCifar.Imaging;

namespace MlNetCifar.MLNet;

/// <summary>The picture of one row, as it came; decoding is left to whoever has threads for it.</summary>
internal abstract class Picture
{
    /// <summary>Makes what the network sees.</summary>
    /// <param name="preprocessor">How.</param>
    /// <param name="pixels">[H, W, C] bytes; overwritten.</param>
    /// <exception cref="MlNetCifarException">The picture cannot be read.</exception>
    public abstract void Prepare(Preprocessor preprocessor, Span<byte> pixels);

    /// <summary>What opens the picture as a file, now or later.</summary>
    /// <param name="spill">Keeps bytes.</param>
    public abstract Func<Stream> Keep(SpillFile spill);

    /// <summary>A file on disk.</summary>
    /// <param name="path">Where.</param>
    internal sealed class InFile(string path) : Picture
    {
        public string Path => path;

        public override void Prepare(Preprocessor preprocessor, Span<byte> pixels)
        {
            byte[] file;
            try
            {
                file = File.ReadAllBytes(path);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                throw MLNetErrors.NoPicture(e.Message.TrimEnd('.'));
            }

            preprocessor.Apply(file, pixels, path);
        }

        public override Func<Stream> Keep(SpillFile spill) => () => File.OpenRead(path);
    }

    /// <summary>A file in memory.</summary>
    /// <param name="file">All of it.</param>
    internal sealed class Encoded(byte[] file) : Picture
    {
        public override void Prepare(Preprocessor preprocessor, Span<byte> pixels) => preprocessor.Apply(file, pixels);

        public override Func<Stream> Keep(SpillFile spill) => spill.Add(file);
    }

    /// <summary>Pixels.</summary>
    /// <param name="image">The picture.</param>
    internal sealed class Decoded(RgbImage image) : Picture
    {
        public override void Prepare(Preprocessor preprocessor, Span<byte> pixels) => preprocessor.Apply(image, pixels);

        /// <summary>As a PNM file, which holds the pixels as they are.</summary>
        public override Func<Stream> Keep(SpillFile spill) =>
            spill.Add([.. System.Text.Encoding.ASCII.GetBytes(FormattableString.Invariant($"P6\n{image.Width} {image.Height}\n255\n")), .. image.Pixels]);
    }

    /// <summary>A picture that is missing or wrong in its row.</summary>
    /// <param name="fault">Why.</param>
    internal sealed class Missing(MlNetCifarException fault) : Picture
    {
        public override void Prepare(Preprocessor preprocessor, Span<byte> pixels) => throw fault;

        public override Func<Stream> Keep(SpillFile spill) => () => throw fault;
    }
}
