using System.IO.Hashing;
using Google.Protobuf;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>Cuts a file into the messages of AddArtifacts.</summary>
static class Artifacts
{
    const int ChunkSize = 32 * 1024;

    /// <summary>The messages, read from the file one at a time.</summary>
    public static IEnumerable<AddArtifactsRequest> Requests(Func<AddArtifactsRequest> newRequest, string name, string file)
    {
        using var stream = File.OpenRead(file);
        var length = stream.Length;
        var buffer = new byte[ChunkSize];
        var first = true;
        var isSingle = length <= ChunkSize;
        for (int n; (n = stream.ReadAtLeast(buffer, ChunkSize, throwOnEndOfStream: false)) > 0 || first; first = false)
        {
            var chunk = new AddArtifactsRequest.Types.ArtifactChunk { Data = ByteString.CopyFrom(buffer, 0, n), Crc = Crc32.HashToUInt32(buffer.AsSpan(0, n)) };
            var request = newRequest();
            if (isSingle)
                request.Batch = new() { Artifacts = { new AddArtifactsRequest.Types.SingleChunkArtifact { Name = name, Data = chunk } } };
            else if (first)
                request.BeginChunk = new() { Name = name, TotalBytes = length, NumChunks = (length + ChunkSize - 1) / ChunkSize, InitialChunk = chunk };
            else
                request.Chunk = chunk;
            yield return request;
        }
    }
}
