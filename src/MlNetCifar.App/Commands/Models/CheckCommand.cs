using System.Text.Json;
using MlNetCifar.App.Cli;

namespace MlNetCifar.App.Commands.Models;

/// <summary>Runs the pictures that an exported model carries.</summary>
internal sealed class CheckCommand() : Verb("check", "Check that an exported model still gives the outputs that it carries for its own pictures.")
{
    static readonly OptionDescription<string?> s_runtime = OptionDescription.Text(
        "onnx-runtime", "FILE", "The native library of ONNX Runtime, or its folder, which is asked about an .onnx file too; without this, the one that the system finds, if any");

    public override string Arguments => "FILE";

    public override string ArgumentsHelp => "An .onnx or .safetensors file that was exported with pictures";

    protected override IEnumerable<OptionDescription> OwnOptions => [s_runtime];

    public override IReadOnlyList<string> Examples => ["photos.onnx", "photos.safetensors", "photos.onnx --onnx-runtime /usr/lib/libonnxruntime.so"];

    public override int Run(Call call)
    {
        var path = call.Arguments[0];
        var isOnnx = ModelProof.IsOnnx(path);
        var peer = isOnnx ? RuntimePeer.Check(path, call.Get(s_runtime)) : null;
        var result = peer?.Itself ?? ModelProof.Check(path);
        if (call.Json)
            JsonLine.Write(call.Terminal.Out, json =>
            {
                Write(json, result);
                if (peer is { Result: { } other })
                {
                    json.WriteStartObject("onnxRuntime");
                    json.WriteString("version", peer.Version);
                    Write(json, other);
                    json.WriteEndObject();
                }
            });
        else
            call.Terminal.Out.WriteLine(Words(result));
        if (peer is { Result: { } found } && !call.Json)
            call.Terminal.Out.WriteLine($"ONNX Runtime {peer.Version}: {Words(found)}");
        if (peer is { Skipped: { } reason })
            call.Terminal.Log($"ONNX Runtime {peer.Version} was not asked: {reason}");
        else if (isOnnx && peer is null)
            call.Terminal.Log($"ONNX Runtime was not asked: there is none on this machine; {s_runtime.Option} names its library");
        return result.Passes && peer?.Result is not { Passes: false } ? ExitCodes.Ok : ExitCodes.DataRejected;
    }

    static string Words(ProofResult result) => Invariant(
        $"{(result.Passes ? "PASS" : $"FAIL at picture {result.FirstDifferent + 1}")}: {result.Pictures} pictures, logits differ by {result.LargestDifference:G2} of the largest at most");

    static void Write(Utf8JsonWriter json, ProofResult result)
    {
        json.WriteBoolean("passes", result.Passes);
        json.WriteNumber("pictures", result.Pictures);
        json.WriteNumber("largestDifference", double.IsFinite(result.LargestDifference) ? result.LargestDifference : double.MaxValue);
    }
}
