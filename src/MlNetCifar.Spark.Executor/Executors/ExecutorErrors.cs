using System.Globalization;
using System.Net;

namespace MlNetCifar.Spark.Executors;

/// <summary>The errors of training and scoring by executors: codes MNC6090 to MNC6099.</summary>
static class ExecutorErrors
{
    const string Workers = "worker";
    const string Trials = "trial";

    public static MlNetCifarException TooFewSlots(int slots, int workers, TimeSpan limit, bool areTrials) => new(
        "MNC6090", ErrorKind.Failure,
        string.Create(CultureInfo.InvariantCulture, $"The cluster runs {slots} tasks at once, and {workers} {(areTrials ? Trials : Workers)}s have to: {Missing(slots, workers, areTrials ? Trials : Workers)} found no place within {limit.TotalSeconds:0.#} s."),
        string.Create(CultureInfo.InvariantCulture, $"Ask for {(areTrials ? "--parallel-trials" : "--workers")} {slots}, give the Connect server more executors or cores, or wait longer with --join-timeout."));

    public static MlNetCifarException Unreachable(IPEndPoint address, Exception cause) => new(
        "MNC6091", ErrorKind.Failure, $"Executors cannot reach this program at {address}: {cause.Message}",
        "Name an address of this machine that they can reach with --listen, and let firewalls pass its port.", inner: cause);

    public static MlNetCifarException NoAddress(string text, string reason) =>
        new("MNC6092", ErrorKind.Usage, $"'{text}' is no address to listen on: {reason}.", "Write an address or name of this machine with --listen, with a port where firewalls want one: 10.0.0.5, 10.0.0.5:7071 or [fd00::5]:7071.");

    public static MlNetCifarException NotSeen(string path) =>
        new("MNC6093", ErrorKind.Data, $"The executor on {Environment.MachineName} does not see this path.", "Put it on hdfs://, or on a disk that all executors see under the same path.", path);

    public static MlNetCifarException EndedEarly() => new("MNC6094", ErrorKind.Failure, "Its task ended before it had come.", "Look into the executors' logs.");

    public static MlNetCifarException OtherPictures(string path, int expected) => new(
        "MNC6095", ErrorKind.Data, string.Create(CultureInfo.InvariantCulture, $"The executor on {Environment.MachineName} found other pictures here than the {expected:N0} of the driver."),
        "Let no one change the data while they are scored.", path);

    public static MlNetCifarException OutputExists(string path) => new("MNC6096", ErrorKind.Usage, "There is something of this name already.", "Name another folder with --to, or delete it.", path);

    public static MlNetCifarException LostAnswers(long found, long expected) => new(
        "MNC6097", ErrorKind.Failure, string.Create(CultureInfo.InvariantCulture, $"Spark reported success, and wrote answers for {found:N0} pictures, expected {expected:N0}."), "Look into the executors' logs, and start again; nothing was left behind.");

    public static MlNetCifarException NotFound(string path) => new("MNC6098", ErrorKind.Data, "There is no such file or folder.", "Check the path.", path);

    public static MlNetCifarException NoPictures(string path) =>
        new("MNC6099", ErrorKind.Data, "Executors take image files, folders of them, and shards of 'prepare'; this is none of them.", "Unpack archives first, and make shards of arrays with 'prepare'.", path);

    public static string Waiting(int slots, int workers, bool areTrials) =>
        string.Create(CultureInfo.InvariantCulture, $"the cluster runs {slots} tasks at once, and {workers} {(areTrials ? Trials : Workers)}s have to: waiting for executors");

    static string Missing(int slots, int workers, string what) =>
        workers - slots == 1 ? string.Create(CultureInfo.InvariantCulture, $"{what} {workers}") : string.Create(CultureInfo.InvariantCulture, $"{what}s {slots + 1} to {workers}");
}
