using System.Buffers.Binary;
using System.Net;
using Google.Protobuf;

namespace MlNetCifar.Spark.Connect;

/// <summary>The body of a gRPC request: messages, each behind a zero byte and its length.</summary>
sealed class GrpcContent : HttpContent
{
    readonly IEnumerable<IMessage> _messages;

    public GrpcContent(IEnumerable<IMessage> messages)
    {
        _messages = messages;
        Headers.ContentType = new("application/grpc");
    }

    protected override async Task SerializeToStreamAsync(Stream stream, TransportContext? context, CancellationToken cancellationToken)
    {
        foreach (var message in _messages)
        {
            var size = message.CalculateSize();
            var frame = new byte[5 + size];
            BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(1), size);
            message.WriteTo(frame.AsSpan(5));
            await stream.WriteAsync(frame, cancellationToken).ConfigureAwait(false);
            await stream.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) =>
        SerializeToStreamAsync(stream, context, CancellationToken.None);

    protected override bool TryComputeLength(out long length)
    {
        length = 0;
        return false;
    }
}
