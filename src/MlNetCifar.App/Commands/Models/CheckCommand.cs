using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Commands.Models;

/// <summary>Runs the pictures that an exported model carries.</summary>
internal sealed class CheckCommand() : Verb("check", "Check that an exported model still gives the outputs that it carries for its own pictures.")
{
    public override string Arguments => "FILE";

    public override string ArgumentsHelp => "An .onnx or .safetensors file that was exported with pictures";

    protected override IEnumerable<OptionDescription> OwnOptions => [];

    public override IReadOnlyList<string> Examples => ["photos.onnx", "photos.safetensors"];

    public override int Run(Call call)
    {
        var result = ModelProof.Check(call.Arguments[0]);
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                json.WriteBoolean("passes", result.Passes);
                json.WriteNumber("pictures", result.Pictures);
                json.WriteNumber("largestDifference", double.IsFinite(result.LargestDifference) ? result.LargestDifference : double.MaxValue);
            });
        else
            call.Terminal.Out.WriteLine(Invariant(
                $"{(result.Passes ? "PASS" : $"FAIL at picture {result.FirstDifferent + 1}")}: {result.Pictures} pictures, logits differ by {result.LargestDifference:G2} of the largest at most"));
        return result.Passes ? ExitCodes.Ok : ExitCodes.DataRejected;
    }
}
