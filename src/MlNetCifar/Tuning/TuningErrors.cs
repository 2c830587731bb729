namespace MlNetCifar.Tuning;

/// <summary>The faults of sweeps (MNC32xx).</summary>
internal static class TuningErrors
{
    /// <summary>The code of a cluster that runs no trial.</summary>
    public const string NoWorkerCode = "MNC3227";

    public static MlNetCifarException Text(string text) => new(
        "MNC3201", ErrorKind.Usage, $"'{text}' is no parameter of a search space.",
        "Give a range or values: learning-rate=1e-4..1e-2:log, dropout=0.1..0.6 or preset=seed-cnn,advanced-cnn.");

    public static MlNetCifarException Range(string name, string found, string expected) =>
        new("MNC3202", ErrorKind.Usage, $"The parameter '{name}' {found}; expected {expected}.", "Correct the search space.");

    public static MlNetCifarException Space(string found) => new("MNC3203", ErrorKind.Usage, found, "Give each parameter once: --param learning-rate=1e-4..1e-2:log --param dropout=0.1..0.6.");

    public static MlNetCifarException Unknown(string name, IEnumerable<string> known) => new(
        "MNC3204", ErrorKind.Usage, $"There is no option '{name}' to search.{Spelling.Question(name, known)}", $"Choose among {string.Join(", ", known.Order(StringComparer.Ordinal))}.");

    public static MlNetCifarException Refused(string name, string reason) =>
        new("MNC3204", ErrorKind.Usage, $"The option '{name}' cannot be searched.", reason);

    public static MlNetCifarException File(string path, string found, Exception? inner = null) =>
        new("MNC3205", ErrorKind.Usage, found, "Give a JSON object such as {\"learning-rate\": {\"min\": 1e-4, \"max\": 1e-2, \"log\": true}, \"preset\": [\"seed-cnn\", \"advanced-cnn\"]}.", path, inner);

    public static MlNetCifarException TooManyForSobol(int count, int most) => new(
        "MNC3206", ErrorKind.Usage, FormattableString.Invariant($"The space has {count} parameters; Sobol's sequence is here for at most {most}."), "Choose another algorithm: random, tpe.");

    public static MlNetCifarException NoTrial(int failed, string? first) => new(
        "MNC3207", ErrorKind.Failure, failed == 0 ? "No trial has finished." : FormattableString.Invariant($"No trial has finished; {failed} failed. The first: {first}"),
        failed == 0 ? "Give the sweep more time, or go on with it by --resume." : "See trials.csv for every error, and correct data or search space.");

    public static MlNetCifarException Journal(string path, string found, Exception? inner = null) => new(
        "MNC3208", ErrorKind.Data, found, "Restore the folder from a copy, or begin a new sweep.", path, inner);

    public static MlNetCifarException JournalUnwritable(string path, Exception cause) => new(
        "MNC3209", ErrorKind.Failure, $"The journal cannot be written ({cause.Message.TrimEnd('.')}).", "Check the free space and your rights; what is in it is unharmed.", path, cause);

    public static MlNetCifarException OtherSweep(string path, string what, string then, string now) => new(
        "MNC3210", ErrorKind.Usage, $"The sweep was begun with {what} {then}, and is to go on with {now}.", "Go on with what it was begun with, or begin a new sweep.", path);

    public static MlNetCifarException Taken(string path) => new(
        "MNC3211", ErrorKind.Usage, "The folder holds the journal of an earlier sweep.", "Go on with it by --resume, or choose another folder.", path);

    public static MlNetCifarException NoSweep(string path) => new(
        "MNC3212", ErrorKind.Data, "There is no sweep to go on with here.", "Give the folder of a sweep, for example runs/tune/<name>.", path);

    public static MlNetCifarException NoValidation() => new(
        "MNC3213", ErrorKind.Usage, "There are no validation images, by which trials are ranked.", "Leave --val-split above 0, or give more images.");

    public static MlNetCifarException NotFinite(double metric) => new(
        "MNC3214", ErrorKind.Failure, FormattableString.Invariant($"The trial's metric is {metric}."), "Lower the learning rate, or narrow the space.");

    public static MlNetCifarException TimedOut(TimeSpan limit, bool ended) => new(
        "MNC3215", ErrorKind.Failure, $"The trial took more than {Experiments.OptionText.Of(limit)}{(ended ? "" : ", and does not end when asked to; it is left behind")}.", "Raise --trial-timeout, or narrow the space.");

    public static MlNetCifarException Died(int times) => new(
        "MNC3216", ErrorKind.Failure, FormattableString.Invariant($"The process ended {times} times while it worked at this trial."), "It may be the trial's memory: give --memory-limit, or narrow the space.");

    public static MlNetCifarException Backbone(string name) => new(
        "MNC3217", ErrorKind.Usage, $"A sweep trains networks from scratch; a head on the backbone '{name}' has no such options.", "Leave --backbone out; 'train' chooses a head's penalty itself.");

    public static MlNetCifarException Teacher(string name) => new(
        "MNC3217", ErrorKind.Usage, $"A sweep trains networks without a teacher; '{name}' would have no effect.", "Leave the teacher out, and give it to 'train' with what the sweep found.");

    public static MlNetCifarException TooCostly(string what, double found, double most) => new(
        "MNC3221", ErrorKind.Usage, FormattableString.Invariant($"The network has {found:#,0.###} {what}; at most {most:#,0.###} are allowed. It was not trained."), "Raise the limit, or narrow the space.");

    public static MlNetCifarException Start(string text, string reason) => new(
        "MNC3222", ErrorKind.Usage, $"The sweep cannot begin with '{text}': {reason}.", "Give the folder of a sweep, or a value for each parameter: learning-rate=0.003,dropout=0.2.");

    public static MlNetCifarException NoChild() => new(
        "MNC3223", ErrorKind.Usage, "Trials in processes of their own need a program that runs one.", "Set Sweep.Child, and let that program call Sweep.RunTrial.");

    public static MlNetCifarException ProcessEnded(int code, string words) => new(
        "MNC3224", ErrorKind.Failure, FormattableString.Invariant($"The trial's process ended with code {code} before it had a result{(words.Length > 0 ? $": {words.TrimEnd('.')}" : "")}."), "Narrow the space, or see what the program prints.");

    public static MlNetCifarException TooMuchMemory(long bytes) => new(
        "MNC3225", ErrorKind.Failure, $"The trial's process took more than {Experiments.OptionText.OfBytes(bytes)} of memory.", "Raise --trial-memory, or give --memory-limit, which makes batches smaller.");

    public static MlNetCifarException WorkersLost(int times, Exception last) => new(
        "MNC3226", ErrorKind.Failure, FormattableString.Invariant($"The trial's worker was lost {times} times; at last: {Words(last)}."), "It may be the trial's memory: narrow the space, or give executors more.", inner: last);

    public static MlNetCifarException NoWorker(int trial, Exception last) => new(
        NoWorkerCode, ErrorKind.Failure, FormattableString.Invariant($"No worker could begin trial {trial}: {Words(last)}."), "Mend that, and go on with --resume, with the cluster or without.", inner: last);

    /// <summary>Whether an error is no trial's, but ends the sweep that came upon it at one.</summary>
    public static bool IsOfSweep(Exception e) => e is MlNetCifarException { Code: "MNC3208" or "MNC3209" or NoWorkerCode };

    static string Words(Exception e) => (e is MlNetCifarException known ? $"{known.Code} {known.Message}" : e.Message).TrimEnd('.');

    public static MlNetCifarException Nothing(string what) => new("MNC3218", ErrorKind.Usage, $"The sweep has no {what}.", "Set it before the sweep is run.");

    public static MlNetCifarException Options(IEnumerable<string> faults) => new("MNC3219", ErrorKind.Usage, $"The options of the sweep are wrong: {string.Join("; ", faults)}.");

    public static MlNetCifarException RemoteOutput(string output) =>
        new("MNC3220", ErrorKind.Usage, $"A sweep cannot be kept in '{output}': its journal takes locks, which only the local disk has.", "Give a folder of the local disk.");
}
