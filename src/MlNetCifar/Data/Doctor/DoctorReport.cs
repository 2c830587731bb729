namespace MlNetCifar.Data;

/// <summary>What can be wrong with a data set.</summary>
public enum FindingKind
{
    /// <summary>A file that cannot be decoded.</summary>
    Unreadable,

    /// <summary>A picture that ends early.</summary>
    Truncated,

    /// <summary>A picture with invalid data inside.</summary>
    Damaged,

    /// <summary>A class folder that is empty, unknown to the training split, or alone.</summary>
    ClassMismatch,

    /// <summary>The same pixels in two splits.</summary>
    Leak,

    /// <summary>Nearly the same picture in two splits.</summary>
    NearLeak,

    /// <summary>The same pixels under two classes.</summary>
    Contradiction,

    /// <summary>The same pixels twice in one split and class.</summary>
    Duplicate,

    /// <summary>Nearly the same picture twice in one split.</summary>
    NearDuplicate,

    /// <summary>Classes of very different size.</summary>
    Imbalance,

    /// <summary>A class that one split lacks.</summary>
    MissingClass,

    /// <summary>An extension that does not fit the content.</summary>
    WrongExtension,

    /// <summary>A picture much smaller, longer or other than the rest.</summary>
    OddSize,

    /// <summary>CMYK or YCCK colours.</summary>
    Cmyk,

    /// <summary>Transparency, which is dropped.</summary>
    Alpha,

    /// <summary>Several frames, of which the first is taken.</summary>
    Animated,

    /// <summary>A picture without colour among coloured ones.</summary>
    Grey,

    /// <summary>A label that is likely to be wrong, by the features of a trained network.</summary>
    LikelyMislabelled,
}

/// <summary>How bad a finding is.</summary>
public enum FindingSeverity
{
    /// <summary>Good to know.</summary>
    Note,

    /// <summary>May harm the model.</summary>
    Warning,

    /// <summary>Falsifies results or loses data; makes a check fail.</summary>
    Error,
}

/// <summary>Something found.</summary>
/// <param name="Kind">What.</param>
/// <param name="Message">One sentence.</param>
/// <param name="Paths">The files or folders concerned; several for duplicates.</param>
/// <param name="Code">The error's code, where a file could not be read.</param>
public sealed record Finding(FindingKind Kind, string Message, IReadOnlyList<string> Paths, string? Code = null)
{
    /// <summary>How bad it is; follows from the kind.</summary>
    public FindingSeverity Severity => SeverityOf(Kind);

    internal IReadOnlyList<int> Images { get; init; } = [];

    internal static FindingSeverity SeverityOf(FindingKind kind) => kind switch
    {
        FindingKind.Unreadable or FindingKind.Truncated or FindingKind.Damaged or FindingKind.ClassMismatch or FindingKind.Leak or FindingKind.Contradiction
            => FindingSeverity.Error,
        FindingKind.NearLeak or FindingKind.Duplicate or FindingKind.Imbalance or FindingKind.MissingClass or FindingKind.WrongExtension
            or FindingKind.OddSize or FindingKind.Cmyk or FindingKind.LikelyMislabelled => FindingSeverity.Warning,
        _ => FindingSeverity.Note,
    };
}

/// <summary>The result of <see cref="DatasetDoctor"/>.</summary>
public sealed record DoctorReport
{
    /// <summary>The data set.</summary>
    public required string Path { get; init; }

    /// <summary>Class names.</summary>
    public required IReadOnlyList<string> Classes { get; init; }

    /// <summary>Pictures of each class, unreadable ones included, of every split.</summary>
    public required IReadOnlyList<(DatasetSplit Split, IReadOnlyList<int> Classes)> Splits { get; init; }

    /// <summary>Everything found, worst first.</summary>
    public required IReadOnlyList<Finding> Findings { get; init; }

    /// <summary>Smallest, median and largest width of the readable pictures.</summary>
    public required (int Least, int Median, int Most) Widths { get; init; }

    /// <summary>Smallest, median and largest height of the readable pictures.</summary>
    public required (int Least, int Median, int Most) Heights { get; init; }

    /// <summary>What was not examined, and why, one sentence each; usually none.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>Small pictures of the findings, as data addresses by path.</summary>
    internal IReadOnlyDictionary<string, string> Pictures { get; init; } = new Dictionary<string, string>();

    /// <summary>Pictures examined.</summary>
    public int Count => Splits.Sum(s => s.Classes.Sum());

    /// <summary>Whether something falsifies results or loses data; a check should then fail.</summary>
    public bool HasErrors => Findings.Any(f => f.Severity == FindingSeverity.Error);

    /// <summary>Writes the report as JSON.</summary>
    /// <param name="stream">Where to; stays open.</param>
    public void WriteJson(Stream stream) => DoctorJson.Write(this, stream);
}
