using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using MlNetCifar.Imaging;

namespace MlNetCifar.Data.Shards;

/// <summary>The preprocessing specification inside manifests.</summary>
internal static class SpecJson
{
    public static string Write(PreprocessSpec spec) => $"{{\"width\":{spec.Width},\"height\":{spec.Height},\"channels\":{spec.Channels}}}";

    public static PreprocessSpec Read(JsonElement element) => new()
    {
        Width = element.GetProperty("width").GetInt32(),
        Height = element.GetProperty("height").GetInt32(),
        Channels = element.GetProperty("channels").GetInt32(),
    };

    public static string Hash(PreprocessSpec spec) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Write(spec))));
}
