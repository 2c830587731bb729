namespace MlNetCifar.Tests.TestKit;

/// <summary>The pictures of another source, of which a test changes or watches something.</summary>
/// <param name="images">The source.</param>
internal abstract class WrappedImages(ImageSource images) : ImageSource
{
    public override int Count => images.Count;

    public override int Height => images.Height;

    public override int Width => images.Width;

    public override int Channels => images.Channels;

    public override IReadOnlyList<string> Classes => images.Classes;

    public override int Label(int index) => images.Label(index);

    public override string Name(int index) => images.Name(index);

    public override void CopyPixels(int index, Span<byte> destination) => images.CopyPixels(index, destination);
}
