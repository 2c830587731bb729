#:package Microsoft.ML.OnnxTransformer@5.0.1
#:package Microsoft.ML.OnnxRuntime@1.31.1
#:property ManagePackageVersionsCentrally=false
#:property RestorePackagesWithLockFile=false
#:property PublishAot=false

// The same through ML.NET's ApplyOnnxModel: dotnet run samples/onnx/check-mlnet.cs -- photos.onnx (exported with --input pixels, as it is without that)
using System.Buffers.Text;
using System.Runtime.InteropServices;
using System.Text.Json;
using Microsoft.ML;
using Microsoft.ML.Data;
using Microsoft.ML.OnnxRuntime;

var about = new InferenceSession(args[0]).ModelMetadata.CustomMetadataMap;
JsonElement proof = JsonDocument.Parse(about["proof"]).RootElement, prepared = JsonDocument.Parse(about["preprocess"]).RootElement;
int[] shape = [1, .. new[] { "height", "width", "channels" }.Select(name => prepared.GetProperty(name).GetInt32())];
var pictures = Base64Url.DecodeFromChars(proof.GetProperty("pixels").GetString()).Chunk(shape[1] * shape[2] * shape[3]).Select(bytes => new Picture { Pixels = bytes }).ToArray();
var expected = MemoryMarshal.Cast<byte, float>(Base64Url.DecodeFromChars(proof.GetProperty("logits").GetString())).ToArray();
var context = new MLContext();
var columns = SchemaDefinition.Create(typeof(Picture));
columns["pixels"].ColumnType = new VectorDataViewType(NumberDataViewType.Byte, shape[1..]);
var data = context.Data.LoadFromEnumerable(pictures, columns);
var scores = context.Transforms.ApplyOnnxModel(["logits"], ["pixels"], args[0], new Dictionary<string, int[]> { ["pixels"] = shape }, recursionLimit: 100).Fit(data).Transform(data);
var found = scores.GetColumn<float[]>("logits").SelectMany(row => row).ToArray();
var difference = found.Zip(expected, (a, b) => Math.Abs(a - b)).Max() / expected.Max(Math.Abs);
Console.WriteLine($"{(difference <= 1e-4 ? "PASS" : "FAIL")}: {pictures.Length} pictures, logits differ by {difference:G2} of the largest at most");
return difference <= 1e-4 ? 0 : 3;

sealed class Picture
{
    [ColumnName("pixels")]
    public byte[] Pixels { get; set; } = [];
}
