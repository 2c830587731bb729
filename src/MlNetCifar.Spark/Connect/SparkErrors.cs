namespace MlNetCifar.Spark.Connect;

/// <summary>The errors of the Spark Connect client: codes MNC6020 to MNC6039.</summary>
static class SparkErrors
{
    public const string FailedCode = "MNC6023";

    public static MlNetCifarException BadConnection(string reason) =>
        new("MNC6020", ErrorKind.Usage, $"The Spark address is not valid: {reason}", "Write sc://host:port/;token=…;use_ssl=true;user_id=….");

    public static MlNetCifarException Unreachable(SparkConnection connection, Exception cause) =>
        new("MNC6021", ErrorKind.Failure, $"The Spark Connect server {connection.Host}:{connection.Port} cannot be reached: {cause.GetBaseException().Message.TrimEnd('.')}.",
            "Check that the server runs ('doctor spark') and that TLS is used on both sides or on none.", inner: cause);

    public static MlNetCifarException Refused(string message) =>
        new("MNC6022", ErrorKind.Failure, $"The Spark Connect server refused the token or user: {message}", "Check token and user_id.");

    public static MlNetCifarException Failed(string errorClass, string message, Exception? cause = null) =>
        new(FailedCode, ErrorKind.Failure, $"Spark failed{(errorClass.Length > 0 ? $" [{errorClass}]" : "")}: {message.TrimEnd().TrimEnd('.')}.",
            "Look into the server's and the executors' logs.", inner: cause);

    public static MlNetCifarException BrokenServer(Exception cause) =>
        new("MNC6028", ErrorKind.Failure, "The Spark Connect server listens but cannot work, as when the cluster manager has ended its application.",
            "Look into the server's log and start it again; finished work is kept.", inner: cause);

    public static MlNetCifarException SessionLost(Exception cause) =>
        new("MNC6024", ErrorKind.Failure, "The Spark Connect server no longer knows this session: it was restarted or the session has expired.",
            "Start the command again; finished work is kept.", inner: cause);

    public static MlNetCifarException BadArrow(string reason, Exception? cause = null) =>
        new("MNC6025", ErrorKind.Failure, $"The result is not understood: {reason}", "Cast the column to a string, number, boolean or binary in SQL.", inner: cause);

    public static MlNetCifarException BadArtifact(string name) =>
        new("MNC6026", ErrorKind.Failure, $"The file '{name}' arrived damaged at the Spark Connect server.", "Try again.");

    public static MlNetCifarException BrokenProtocol(string reason) =>
        new("MNC6027", ErrorKind.Failure, $"The server does not speak Spark Connect: {reason}", "Check host and port.");
}
