using Google.Protobuf;
using Grpc.Core;
using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>What a call that ended with a status other than OK says.</summary>
static class RpcFaults
{
    const string Details = "grpc-status-details-bin";

    /// <summary>
    /// Whether nobody answered, or not to the end. A connection that breaks has many a status in gRPC; a stream that ends without one is "cancelled" there, as is a call that its
    /// caller has cancelled, who is to look at the token first.
    /// </summary>
    public static bool IsUnavailable(this RpcException e) =>
        e.StatusCode is StatusCode.Unavailable or StatusCode.Cancelled || e.Status.DebugException is HttpRequestException or IOException;

    /// <summary>Whether the same call may succeed later.</summary>
    public static bool IsTransient(this RpcException e) =>
        e.IsUnavailable() || (e.StatusCode == StatusCode.Internal && e.Is("INVALID_CURSOR.DISCONNECTED"));

    /// <summary>Whether Spark's error is of a class.</summary>
    public static bool Is(this RpcException e, string errorClass) => e.Status.Detail.Contains(errorClass, StringComparison.Ordinal);

    /// <summary>Spark's description of the error, if the server sent one.</summary>
    public static ErrorInfo? Info(this RpcException e)
    {
        try
        {
            return e.Trailers.GetValueBytes(Details) is { } bytes
                && Protos.Status.Parser.ParseFrom(bytes).Details.FirstOrDefault(d => d.Is(ErrorInfo.Descriptor)) is { } info ? info.Unpack<ErrorInfo>() : null;
        }
        catch (InvalidProtocolBufferException)
        {
            return null;
        }
    }
}
