#:package Microsoft.ML.OnnxRuntime@1.31.1
#:property ManagePackageVersionsCentrally=false
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// Runs the pictures that an exported model carries in ONNX Runtime, and compares: dotnet run samples/onnx/check.cs -- photos.onnx (exported with --input pixels, as it is without that)
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML.OnnxRuntime;

using var session = new InferenceSession(args[0]);
var about = session.ModelMetadata.CustomMetadataMap;
JsonElement proof = JsonDocument.Parse(about["proof"]).RootElement, prepared = JsonDocument.Parse(about["preprocess"]).RootElement;
int Side(string name) => prepared.GetProperty(name).GetInt32();
var pixels = Base64Url.DecodeFromChars(proof.GetProperty("pixels").GetString());
var expected = MemoryMarshal.Cast<byte, float>(Base64Url.DecodeFromChars(proof.GetProperty("logits").GetString())).ToArray();
long[] shape = [proof.GetProperty("count").GetInt32(), Side("height"), Side("width"), Side("channels")];
using var input = OrtValue.CreateTensorValueFromMemory(pixels, shape);
using var outputs = session.Run(new RunOptions(), ["pixels"], [input], ["logits"]);
var found = outputs[0].GetTensorDataAsSpan<float>().ToArray();
var difference = found.Zip(expected, (a, b) => Math.Abs(a - b)).Max() / expected.Max(Math.Abs);
Console.WriteLine($"{(difference <= 1e-4 ? "PASS" : "FAIL")}: {shape[0]} pictures, logits differ by {difference:G2} of the largest at most");
return difference <= 1e-4 ? 0 : 3;
