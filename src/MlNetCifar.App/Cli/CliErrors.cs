namespace MlNetCifar.App.Cli;

/// <summary>The faults of the command line (MNC90xx).</summary>
internal static class CliErrors
{
    public static MlNetCifarException Syntax(string found, string verb) =>
        new("MNC9001", ErrorKind.Usage, found, $"See '{verb} --help'.");

    public static MlNetCifarException Value(string origin, string value, string expected, params IEnumerable<string> choices) =>
        new("MNC9002", ErrorKind.Usage, $"{origin} is '{Secrets.InAddress(value)}'; expected {expected}.{OptionText.DidYouMean(value, choices)}");

    public static MlNetCifarException NoSample(string path) =>
        new("MNC9005", ErrorKind.Failure, "The sample that comes with the program is missing.", "Build the program again, or give a data set with --data.", path);

    public static MlNetCifarException NoModel(string folder) =>
        new("MNC9006", ErrorKind.Usage, "There is no trained model here.", "Train one, or give one with --model.", folder);

    public static MlNetCifarException Disk(Exception inner) =>
        new(
            "MNC9008", ErrorKind.Failure, $"A file could not be read or written: {inner.Message.TrimEnd('.')}.",
            "Check the path, its permissions and the space on the disk.", null, inner);

    public static MlNetCifarException Memory(Exception inner) =>
        new("MNC9009", ErrorKind.Failure, "There is not enough memory.", "Use smaller pictures or batches, or shards made by 'prepare'.", null, inner);

    public static MlNetCifarException NoInput() =>
        new("MNC9010", ErrorKind.Usage, "There is nothing to predict.", "Give image files or folders, or - for standard input.");

    public static MlNetCifarException InputNotFound(string path) =>
        new("MNC9011", ErrorKind.Data, "There is no such file or folder.", "Check the path.", path);

    public static MlNetCifarException NoPictures(string path) =>
        new("MNC9014", ErrorKind.Data, "There is no picture in this folder.", "Check the path; pictures are recognised by their extension here.", path);

    public static MlNetCifarException Argument(string found, Exception? inner = null) =>
        new("MNC9012", ErrorKind.Usage, found, "Correct the options.", null, inner);

    public static MlNetCifarException NotCopied(string output, string run, MlNetCifarException inner) =>
        new("MNC9017", ErrorKind.Failure, $"The run could not be copied: {inner.Code}: {inner.Reason} It is complete in {run}.", inner.Action, output, inner);

    public static MlNetCifarException PackNeedsHdfs(string target) =>
        new("MNC9015", ErrorKind.Usage, "Files are packed on HDFS only.", "Name a folder on HDFS with --to hdfs://…, or leave out --pack.", target);

    public static MlNetCifarException NoRun(string folder) =>
        new("MNC9019", ErrorKind.Usage, "There is no run of training here.", "Name the folder of a run, or the folder of runs with --output.", folder);

    public static MlNetCifarException WrongFormat(OptionDescription option, string path, string what, IReadOnlyList<string> extensions) => new(
        "MNC9018", ErrorKind.Usage, $"{option.Option} names a {Path.GetExtension(path)} file; {what} can be written as {string.Join(" or ", extensions)}.",
        $"Name a {extensions[0]} file.", path);

    public static MlNetCifarException NoCluster(string folder) =>
        new("MNC9016", ErrorKind.Usage, "There is no cluster in this folder.", "Start one with 'cluster start', or name its folder with --folder.", folder);

    public static MlNetCifarException NoRuntime(string library) => new(
        "MNC9031", ErrorKind.Usage, "This is no library of ONNX Runtime that can be loaded here.",
        "Name libonnxruntime.so (onnxruntime.dll, libonnxruntime.dylib) of version 1.20 or later, or its folder, for this machine.", library);

    public static MlNetCifarException RuntimeRefuses(string path, Exception inner) =>
        new("MNC9032", ErrorKind.Data, $"ONNX Runtime does not run this file: {inner.Message.TrimEnd('.')}.", "Export the model again; a later version of ONNX Runtime may take the file.", path, inner);

    public static MlNetCifarException NobodyServes(Uri address, Exception cause) =>
        new("MNC9033", ErrorKind.Failure, $"No server answered as it should: {cause.Message.TrimEnd('.')}.", "Start one with 'serve', or give the address that it printed.", address.ToString(), cause);

    public static MlNetCifarException ChildFailed() =>
        new("MNC9030", ErrorKind.Failure, "A run of the check did not end as it should.", "See the lines above; try it with --keep and more --images.");
}
