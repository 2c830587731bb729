using System.Globalization;

namespace MlNetCifar.Spark.Stage;

/// <summary>The errors of the image stage on Spark: codes MNC6040 to MNC6059.</summary>
static class StageErrors
{
    public const string JobGoneCode = "MNC6051";

    public static MlNetCifarException NoWorker(string tried) =>
        new("MNC6040", ErrorKind.Usage, $"The worker program was not found ({tried}).",
            "Publish src/MlNetCifar.Worker and name it with --worker-path or MLNETCIFAR_WORKER.");

    public static MlNetCifarException BadMaster(string master) =>
        new("MNC6041", ErrorKind.Usage, $"'{master}' is no master.", "Write local, local[2], local[*] or sc://host:port.");

    public static MlNetCifarException WrongRow(string row) =>
        new("MNC6042", ErrorKind.Failure, $"A worker returned a row that is not understood: {Shorten(row)}",
            "Check that the worker program has the version of this program.");

    public static MlNetCifarException LostParts(IEnumerable<(string Split, int Part)> parts) =>
        new("MNC6043", ErrorKind.Failure, $"Spark reported success, but nothing came back for parts {string.Join("; ", parts.GroupBy(p => p.Split, p => p.Part).Select(s => $"{string.Join(", ", s)} of {s.Key}"))}.",
            "Look into the executors' logs; run again, finished parts are kept.");

    public static MlNetCifarException WrongCount(int part, int found, int expected) =>
        new("MNC6044", ErrorKind.Failure, string.Create(CultureInfo.InvariantCulture, $"Part {part} came back with {found} images, expected {expected}."),
            "Run again; the input may have changed meanwhile.");

    public static MlNetCifarException Stalled(TimeSpan limit) =>
        new("MNC6045", ErrorKind.Failure,
            string.Create(CultureInfo.InvariantCulture, $"No task has ended and no byte was read for {limit.TotalSeconds:0} s, so the job was stopped."),
            "Look for a hanging executor or worker; raise --stall-timeout if a part takes that long. Finished parts are kept.");

    public static MlNetCifarException Archive(string path) =>
        new("MNC6046", ErrorKind.Usage, "An archive cannot be read by many executors at once.", "Unpack it first, for example with 'dataset import --to hdfs://…'.", path);

    public static MlNetCifarException MissingFile(string path, string file) =>
        new("MNC6047", ErrorKind.Failure, $"A part's file {file} is not where its worker wrote it.", "Run again.", path);

    public static MlNetCifarException BadImage(string code, string message) =>
        new(code, ErrorKind.Data, message, "Mend or remove the image, or allow bad images.");

    public static MlNetCifarException Hanging(string what, TimeSpan limit) =>
        new("MNC6048", ErrorKind.Failure, string.Create(CultureInfo.InvariantCulture, $"The worker made no progress for {limit.TotalSeconds:0} s {what}."), null);

    public static MlNetCifarException PathTwice(string path, string name) =>
        new("MNC6049", ErrorKind.Data, $"The path '{name}' comes twice.", "Write the Parquet files again with distinct paths.", path);

    public static MlNetCifarException NoParquetColumns(string path, string message) =>
        new("MNC6050", ErrorKind.Data, $"The Parquet files lack the columns path and content: {message}", "Write them with 'dataset import --pack parquet'.", path);

    public static MlNetCifarException JobGone(string folder) =>
        new(JobGoneCode, ErrorKind.Failure, "The job of this attempt has ended.", null, folder);

    public static MlNetCifarException NotOneFile(string path) =>
        new("MNC6052", ErrorKind.Usage, "This worker program needs the files beside it, so it cannot be sent to other machines.",
            "Publish it as one file (dotnet publish -c Release -r linux-x64 src/MlNetCifar.Worker) and name that with --worker-path or MLNETCIFAR_WORKER.", path);

    /// <summary>Spark's error with what the workers themselves said; Spark passes on the last one's words only, and those of a process that was not killed.</summary>
    public static MlNetCifarException WithWorkersWords(MlNetCifarException failure, IReadOnlyList<string> words) =>
        new(failure.Code, failure.Kind, $"{failure.Reason} Workers gave up: {string.Join("; ", words.Select(w => w.TrimEnd('.')))}.", failure.Action, failure.Path, failure);

    public static MlNetCifarException OutputIsInput(string path) =>
        new("MNC1038", ErrorKind.Usage, "The shards would be written into the folder of their own images.", "Give another folder.", path);

    /// <summary>A line for what went well in the end.</summary>
    public static string Restarted(int processes) => string.Create(CultureInfo.InvariantCulture,
        $"{processes} worker process{(processes == 1 ? " was" : "es were")} started again, as others were lost or gave up; the executors' logs say why. No part is missing or there twice.");

    static string Shorten(string row) => row.Length <= 200 ? row : row[..200] + "…";
}
