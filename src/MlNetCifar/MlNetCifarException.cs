namespace MlNetCifar;

/// <summary>What kind of fault an error is; the command line turns it into its exit code.</summary>
public enum ErrorKind
{
    /// <summary>The work could not be done (exit code 1).</summary>
    Failure,

    /// <summary>The request itself was wrong: an option, a shape, a name (exit code 2).</summary>
    Usage,

    /// <summary>The data was rejected: missing, damaged or inconsistent (exit code 3).</summary>
    Data,
}

/// <summary>
/// An error a user can act on: a stable code, what was found, what was expected and what to do. Logins and tokens in addresses are masked.
/// Codes: MNC10xx data sets, MNC11xx files of this program, MNC12xx images, MNC20xx networks, MNC30xx training, MNC32xx sweeps, MNC33xx workers, MNC40xx model files, MNC41xx ONNX files,
/// MNC50xx evaluation, MNC60xx Spark and HDFS, MNC70xx ML.NET, MNC71xx gates in test projects, MNC80xx serving, MNC90xx command line.
/// </summary>
public sealed class MlNetCifarException : Exception
{
    // What a file holds is quoted, and may be of any length.
    const int MostCharacters = 1_500;
    const int LastCharacters = 500;

    /// <summary>Creates the error.</summary>
    /// <param name="code">Stable code, <c>MNC</c> and four digits.</param>
    /// <param name="kind">Decides the exit code.</param>
    /// <param name="message">What was found and what was expected, one or two sentences; of more than 1,500 characters the middle is left out, with a word that says so.</param>
    /// <param name="action">What to do about it, one sentence; may be null where nothing can be done.</param>
    /// <param name="path">The file, folder or row concerned, if any.</param>
    /// <param name="inner">The cause, if any.</param>
    public MlNetCifarException(string code, ErrorKind kind, string message, string? action = null, string? path = null, Exception? inner = null)
        : base(Secrets.InText(Compose(Shortened(message), action, path)), inner)
    {
        Code = code;
        Kind = kind;
        Reason = Secrets.InText(Shortened(message));
        Action = action is null ? null : Secrets.InText(action);
        Path = path is null ? null : Secrets.InAddress(path);
    }

    /// <summary>Stable code, for example <c>MNC1203</c>.</summary>
    public string Code { get; }

    /// <summary>What kind of fault this is.</summary>
    public ErrorKind Kind { get; }

    /// <summary>What was found and what was expected, without path and action.</summary>
    public string Reason { get; }

    /// <summary>What to do about it.</summary>
    public string? Action { get; }

    /// <summary>The file, folder or row concerned.</summary>
    public string? Path { get; }

    static string Shortened(string message) => message.Length <= MostCharacters
        ? message
        : FormattableString.Invariant($"{message[..(MostCharacters - LastCharacters)]} … ({message.Length - MostCharacters:N0} characters) … {message[^LastCharacters..]}");

    static string Compose(string message, string? action, string? path)
    {
        var text = path is null ? message : $"{path}: {message}";
        return action is null ? text : $"{text} {action}";
    }
}
