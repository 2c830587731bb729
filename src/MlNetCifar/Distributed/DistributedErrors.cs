using System.Net;

namespace MlNetCifar.Distributed;

/// <summary>The faults of training by several processes (MNC33xx).</summary>
internal static class DistributedErrors
{
    public static MlNetCifarException FewSlices(int slices, bool isWide) => new(
        "MNC3301", ErrorKind.Usage, FormattableString.Invariant($"Workers share the slices of a batch, and there is {slices}."),
        "Cut batches into 2 slices or more with --slices; 8 suit up to 8 workers. " + (isWide
            ? "Batch normalisation takes the whole batch all the same, for --sync-batch-norm is true."
            : "Batch normalisation takes a slice for the batch then, unless --sync-batch-norm is true."));

    public static MlNetCifarException OnlyNetworks(string what) =>
        new("MNC3302", ErrorKind.Usage, $"Distributed training was asked for, but {what}.", "Leave out --workers and --distributed-mode, or train a network from scratch on data that workers can open: --preset and --data.");

    public static MlNetCifarException NoProgram() =>
        new("MNC3303", ErrorKind.Usage, "Workers were asked for, and no program was given that they run.", $"Set {nameof(Experiment)}.{nameof(Experiment.Worker)}.");

    public static MlNetCifarException PortTaken(IPEndPoint address, Exception cause) =>
        new("MNC3304", ErrorKind.Failure, $"Workers cannot be listened for on {address} ({cause.Message.TrimEnd('.')}).", "Choose an address of this machine and a free port, or leave the choice of the port to the system.", inner: cause);

    public static MlNetCifarException WrongToken() =>
        new("MNC3305", ErrorKind.Failure, "The token is none that a worker of this run was given, or was used before.", "Let the run start its workers itself.");

    public static MlNetCifarException OtherProtocol(int found, int expected) =>
        new("MNC3306", ErrorKind.Failure, FormattableString.Invariant($"The worker speaks version {found} of the protocol; expected {expected}."), "Use the same version of the program on both sides.");

    public static MlNetCifarException OtherVersion(string found, string expected) =>
        new("MNC3306", ErrorKind.Failure, $"The worker is version {found} of the program; expected {expected}.", "Use the same version of the program on both sides.");

    public static MlNetCifarException OtherArithmetic(string found, string expected) => new(
        "MNC3307", ErrorKind.Failure, $"The worker computes with {found}, the run with {expected}: their sums would differ in the last bits.",
        "Give both the same lane width with MLNETCIFAR_SIMD, or processors of one kind.");

    public static MlNetCifarException OtherNetwork(string found, string expected) =>
        new("MNC3308", ErrorKind.Failure, $"The worker reads the network as {found}, the run sent {expected}.", "Use the same version of the program on both sides.");

    public static MlNetCifarException OtherData(string found, string expected) => new(
        "MNC3309", ErrorKind.Data, $"The worker found other training images than the run: {found}; expected {expected}.", "Let no one change the data while they are trained on, and let every worker open the same ones.");

    public static MlNetCifarException OtherTeacher(string found, string expected) =>
        new("MNC3309", ErrorKind.Data, $"The worker found another teacher than the run: {found}; expected {expected}.", "Let no one change the teacher's file while the run lasts.");

    public static MlNetCifarException NobodyCame(int workers, string reasons) =>
        new("MNC3310", ErrorKind.Failure, FormattableString.Invariant($"None of {workers} workers got ready: {reasons}."), "Start again; where it takes long to come or to open the data, raise --join-timeout.");

    public static MlNetCifarException AllLost(long step, string reasons) => new(
        "MNC3311", ErrorKind.Failure, FormattableString.Invariant($"All workers are lost at step {step}: {reasons}."),
        "Go on from the last checkpoint with --resume; where steps take long, raise --worker-timeout.");

    public static MlNetCifarException NoRun(string address, Exception cause) =>
        new("MNC3312", ErrorKind.Failure, $"There is no run at {address} ({cause.Message.TrimEnd('.')}).", "Let the run start its workers itself.", inner: cause);

    public static MlNetCifarException NoInvitation(string found) => new(
        "MNC3313", ErrorKind.Usage, $"A worker reads the address of its run and a token from its standard input, as 'address:port token'; found '{found}'.", "Let the run start its workers itself: train --workers N.");

    public static MlNetCifarException NoChaos(string part, int workers) => new(
        "MNC3314", ErrorKind.Usage, FormattableString.Invariant($"A rehearsal cannot do '{part}' with {workers} workers."),
        "Write kill:w1@step40, hang:w1@step40, delay:w1:500ms, drop:5% or partition:w1|w2@60s, with commas between them; workers count from 1, and at most half of the answers are dropped.");

    public static MlNetCifarException FormerGeneration() => new(
        "MNC3315", ErrorKind.Failure, "The generation of workers is another than this worker's, or the key is none of it.", "Let the run connect its workers itself.");

    public static MlNetCifarException OtherCopy(int worker, long step, string found, string expected) => new(
        "MNC3316", ErrorKind.Failure,
        FormattableString.Invariant($"At step {step} the weights and moments of worker {worker + 1} are {found}…, those of the run {expected}…: after the same steps they must be the same to the bit."),
        "Look into the memory and the processor of that worker's machine, and go on from the last checkpoint with --resume.");

    public static MlNetCifarException NoPorts(string found) => new(
        "MNC3317", ErrorKind.Usage, $"Workers listen on a range of ports, for example 7100-7163; found '{found}'.", "Write the first and the last with a hyphen between them, or leave the choice to the system.");

    public static MlNetCifarException NoSecret(string path, string reason, Exception? cause = null) =>
        new("MNC3318", ErrorKind.Usage, $"The secret of run and workers cannot be taken from this file: {reason}.", "Write one that nobody guesses, for example with 'openssl rand -hex 32', into a file that only you can read.", path, inner: cause);

    public static MlNetCifarException WrongSecret(string who) => new(
        "MNC3319", ErrorKind.Failure, $"{who} does not know the secret.",
        $"Give the run with --worker-secret, and every worker on another machine with the variable {WorkerSecret.Variable}, a file that holds the same.");

    public static MlNetCifarException RunWithoutSecret() => new(
        "MNC3319", ErrorKind.Failure, $"{WorkerSecret.Variable} names a secret, and the run encrypts nothing.", "Start the run with --worker-secret, or take the variable away from the workers.");

    public static MlNetCifarException FewerAtMost(int most, int workers) =>
        new("MNC3320", ErrorKind.Usage, FormattableString.Invariant($"There may be {most} workers at most, and {workers} to begin with."), "Give --max-workers at least as many as --workers, or leave it out.");

    public static MlNetCifarException NoRehearsal() => new(
        "MNC3314", ErrorKind.Usage, "A rehearsal is compared with a run of as many steps, and with a time budget their number depends on the machine.", "Leave out --time-budget or --chaos.");
}
