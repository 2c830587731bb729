using MlNetCifar.Spark.Protos;

namespace MlNetCifar.Spark.Connect;

/// <summary>The status codes of gRPC that are told apart here.</summary>
enum GrpcStatus
{
    Ok = 0,
    Cancelled = 1,
    Unknown = 2,
    DeadlineExceeded = 4,
    NotFound = 5,
    PermissionDenied = 7,
    ResourceExhausted = 8,
    Aborted = 10,
    Internal = 13,
    Unavailable = 14,
    Unauthenticated = 16,
}

/// <summary>A call that ended with a status other than OK.</summary>
sealed class GrpcException(GrpcStatus status, string message, Status? details = null, Exception? inner = null) : Exception(message, inner)
{
    public GrpcStatus Status { get; } = status;

    /// <summary>Spark's description of the error, if the server sent one.</summary>
    public ErrorInfo? Info { get; } = details?.Details
        .FirstOrDefault(d => d.Is(ErrorInfo.Descriptor)) is { } info ? info.Unpack<ErrorInfo>() : null;

    /// <summary>Whether the same call may succeed later.</summary>
    public bool IsTransient =>
        Status == GrpcStatus.Unavailable || (Status == GrpcStatus.Internal && Message.Contains("INVALID_CURSOR.DISCONNECTED", StringComparison.Ordinal));

    public bool Is(string errorClass) => Message.Contains(errorClass, StringComparison.Ordinal);
}
