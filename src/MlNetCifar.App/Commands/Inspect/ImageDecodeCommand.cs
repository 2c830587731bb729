using System.Text;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs;
using MlNetCifar.Files;
using MlNetCifar.Imaging;

namespace MlNetCifar.App.Commands.Inspect;

/// <summary>Decodes an image file to plain pixels.</summary>
internal sealed class ImageDecodeCommand() : Verb("decode", "Decode an image file to plain pixels: .ppm, or .png.")
{
    static readonly OptionDescription<string?> s_out = OptionDescription.Text("out", "FILE", "The .ppm or .png file to write");

    public override string Arguments => "FILE";

    public override string ArgumentsHelp => "An image file";

    protected override IEnumerable<OptionDescription> OwnOptions => [s_out, .. PictureFiles.Options];

    public override IReadOnlyList<string> Examples => ["photo.jpg --out photo.ppm"];

    public override int Run(Call call)
    {
        var target = call.Values.Required(s_out);
        var format = OutputFile.Format(s_out, target, "pixels", ".ppm", ".pnm", ".png");
        List<string> notes = [];
        var image = ImageDecoder.Decode(ImageInfoCommand.Read(call.Arguments[0]), PictureFiles.Decoding(call), call.Arguments[0], notes);
        LocalFileStore.Instance.Write(target, stream => Write(stream, image, format));
        foreach (var note in notes)
            call.Terminal.Warn(note);
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteString("path", target);
                json.WriteNumber("width", image.Width);
                json.WriteNumber("height", image.Height);
            });
        else
            call.Terminal.Log($"{target}: {image.Width}×{image.Height}");
        return ExitCodes.Ok;
    }

    static void Write(Stream stream, RgbImage image, string format)
    {
        if (format == ".png")
        {
            stream.Write(image.ToPng());
            return;
        }

        stream.Write(Encoding.ASCII.GetBytes($"P6\n{image.Width} {image.Height}\n255\n"));
        stream.Write(image.Pixels);
    }
}
