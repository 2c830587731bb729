using MlNetCifar.App.Cli;
using MlNetCifar.Imaging;
using Spectre.Console;

namespace MlNetCifar.App.Commands.Inspect;

/// <summary>Tells what image files are, from their headers.</summary>
internal sealed class ImageInfoCommand() : Verb("info", "Tell format, size and colours of image files, from their headers.")
{
    public override string Arguments => "FILE...";

    public override string ArgumentsHelp => "Image files";

    public override (int Least, int Most) ArgumentCount => (1, 100_000);

    protected override IEnumerable<OptionDescription> OwnOptions => [];

    public override int Run(Call call)
    {
        var code = ExitCodes.Ok;
        var table = new Table().Border(TableBorder.Simple).AddColumns("File", "Format", "Size", "Colours", "Bits", "Notes");
        foreach (var path in call.Arguments.TakeWhile(_ => !call.Stop.IsCancellationRequested))
        {
            try
            {
                var info = ImageDecoder.ReadInfo(Read(path), path);
                if (call.Json)
                    Write(call, path, info);
                else
                    table.AddRow(
                        Markup.Escape(path), OptionText.Of(info.Format), $"{info.Width}×{info.Height}", info.ColorModel, OptionText.Of(info.BitDepth),
                        Notes(info));
            }
            catch (MlNetCifarException e)
            {
                code = Math.Max(code, ErrorPrinter.Print(call.Terminal, e, call.Get(Verbose)));
            }
        }

        if (table.Rows.Count > 0)
            call.Terminal.Tables.Write(table);
        return code != ExitCodes.Ok ? code : call.Done();
    }

    public static byte[] Read(string path) => File.Exists(path) ? File.ReadAllBytes(path) : throw CliErrors.InputNotFound(path);

    static string Notes(ImageInfo info)
    {
        string[] notes =
        [
            info.IsProgressive ? "progressive" : "", info.HasAlpha ? "transparency" : "", info.IsAnimated ? "animated" : "",
            info.Orientation == 1 ? "" : $"orientation {info.Orientation}",
        ];
        return string.Join(", ", notes.Where(note => note.Length > 0));
    }

    static void Write(Call call, string path, ImageInfo info) => JsonLine.Write(call.Terminal.Out, json =>
    {
        json.WriteString("path", path);
        json.WriteString("format", OptionText.Of(info.Format));
        json.WriteNumber("width", info.Width);
        json.WriteNumber("height", info.Height);
        json.WriteNumber("components", info.Components);
        json.WriteNumber("bitDepth", info.BitDepth);
        json.WriteString("colorModel", info.ColorModel);
        json.WriteNumber("orientation", info.Orientation);
        json.WriteBoolean("progressive", info.IsProgressive);
        json.WriteBoolean("animated", info.IsAnimated);
        json.WriteBoolean("alpha", info.HasAlpha);
    });
}
