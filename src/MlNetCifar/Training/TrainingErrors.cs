namespace MlNetCifar.Training;

/// <summary>The faults of training runs (MNC30xx).</summary>
internal static class TrainingErrors
{
    public static MlNetCifarException Options(IEnumerable<string> faults) =>
        new("MNC3001", ErrorKind.Usage, $"The training options are wrong: {string.Join("; ", faults)}.");

    public static MlNetCifarException NotFinite(double loss, long step, string? layer, float rate) =>
        new(
            "MNC3002",
            ErrorKind.Failure,
            FormattableString.Invariant($"The loss became {loss} at step {step} (learning rate {rate:G3}); the first values that are not finite are in {layer ?? "the loss itself"}."),
            "Lower the learning rate, add a warm-up, or clip the gradients.");

    public static MlNetCifarException DataDoesNotFit(string found, string expected) =>
        new("MNC3003", ErrorKind.Usage, $"The data do not fit the network: found {found}; expected {expected}.", "Prepare the data with the network's input size, or build the network for these data.");

    public static MlNetCifarException SourcesDiffer(string difference) =>
        new(
            "MNC3003", ErrorKind.Usage, $"The validation images do not fit the training images: {difference}.",
            "Labels are compared by number: give both the same classes in the same order.");

    public static MlNetCifarException SameClass(string name) =>
        new("MNC3003", ErrorKind.Usage, $"Two classes of the training images are called '{name}'.", "Give every class a name of its own.");

    public static MlNetCifarException NoImages(string split, string action) => new("MNC3006", ErrorKind.Data, $"There is no {split} image.", action);

    public static MlNetCifarException OneClass(string name) =>
        new("MNC3004", ErrorKind.Data, $"All training images belong to one class ('{name}'); at least two are needed.", "Add images of another class.");

    public static MlNetCifarException NoFall() =>
        new("MNC3005", ErrorKind.Failure, "No learning rate can be recommended: the loss fell at none by more than chance.", "Check the labels, or give more images or steps.");

    public static MlNetCifarException OneValue(string layer) =>
        new(
            "MNC3007", ErrorKind.Usage, $"Layer {layer} would normalise one value a channel, which always gives 0: batches hold one image, and its maps have one pixel.",
            "Give a batch size of 2 or more, leave the normalisation out, or freeze it.");

    public static MlNetCifarException CheckpointsDamaged(string folder, IEnumerable<string> faults) =>
        new("MNC3010", ErrorKind.Data, $"No checkpoint can be used: {string.Join("; ", faults)}.", "Restore the folder from a copy, or start the run anew in another folder.", folder);

    public static MlNetCifarException OptionsChanged(IEnumerable<string> changes, string path) =>
        new(
            "MNC3011", ErrorKind.Usage, $"The run was begun with other options: {string.Join("; ", changes)}.",
            "Resume with the old values, or start a new run. Only epochs, time_budget, patience, minimum_delta and threads may change.", path);

    public static MlNetCifarException DataChanged(IEnumerable<string> changes, string path) =>
        new("MNC3012", ErrorKind.Data, $"The run was begun with other images: {string.Join("; ", changes)}.", "Resume with the same images, or start a new run.", path);

    public static MlNetCifarException CheckpointUnwritable(string path, Exception cause) =>
        new("MNC3013", ErrorKind.Failure, $"No checkpoint can be written ({cause.Message.TrimEnd('.')}).", "Check the free space and your rights, or choose another folder; what is there is unharmed.", path, cause);

    public static MlNetCifarException FolderInUse(string folder, Exception cause) =>
        new("MNC3014", ErrorKind.Failure, "Another run is using this folder.", "Wait for it, stop it, or choose another folder.", folder, cause);

    public static MlNetCifarException FolderTaken(string folder) =>
        new("MNC3015", ErrorKind.Usage, "The folder holds the checkpoints of an earlier run.", "Resume that run, or choose another folder.", folder);

    public static MlNetCifarException CheckpointVersion(string path, string found, int known) =>
        new("MNC3016", ErrorKind.Data, $"The checkpoint has format version {found}; this program reads up to {known}.", "Update the program.", path);

    public static MlNetCifarException NetworkChanged(string path) =>
        new("MNC3017", ErrorKind.Usage, "The run was begun with another network.", "Resume with the same network and input size, or start a new run.", path);

    public static MlNetCifarException NotFinite(MlNetCifarException cause, string folder, long step) =>
        new(
            cause.Code, cause.Kind, cause.Reason,
            FormattableString.Invariant($"{cause.Action} The checkpoint of step {step} in {folder} is good: its best weights can be used, but resuming with the same options ends here again."),
            cause.Path, cause);

    public static MlNetCifarException NoBest(string folder) =>
        new("MNC3018", ErrorKind.Data, "There are no whole best weights here.", "A run leaves them after its first epoch; give its checkpoint folder.", folder);

    public static MlNetCifarException MemoryTooSmall(long limit, long needed, string plan) =>
        new(
            "MNC3019", ErrorKind.Usage, FormattableString.Invariant($"The run does not fit into {limit / (1 << 20)} MiB: even one image a step takes {needed / (1 << 20)} MiB ({plan})."),
            "Raise the limit, choose a smaller network or image size, or make shards with 'mlnetcifar prepare' so that the data stay on disk.");

    public static MlNetCifarException EmptyGroup(ParameterGroup group, bool taken, IEnumerable<string> tensors) =>
        new(
            "MNC3020", ErrorKind.Usage, taken ? $"Everything in the parameter group '{group}' belongs to groups before it." : $"The parameter group '{group}' holds no tensor.",
            taken ? "Put it before them, or leave it out." : $"The tensors are {string.Join(", ", tensors)}.");

    public static MlNetCifarException UnknownLayer(string layer, int layers, IEnumerable<string> names) =>
        new("MNC3021", ErrorKind.Usage, $"The network has no layer '{layer}'.", FormattableString.Invariant($"Give a place, 1 … {layers}, or a name: {string.Join(", ", names)}."));

    public static MlNetCifarException AllFrozen() =>
        new("MNC3022", ErrorKind.Usage, "Every parameter is frozen in the first epoch; nothing would be trained.", "Leave at least the last layer out of the frozen groups.");

    public static MlNetCifarException NothingTaken(StartMap map) =>
        new(
            "MNC3023", ErrorKind.Usage, $"No tensor of the starting point {map.Name} fits the network: {string.Join("; ", map.Tensors.Take(4).Select(t => $"{t.Name} {t.Shape} {t.Note}"))}.",
            "Start from a model of the same architecture, or without a starting point.");

    public static MlNetCifarException StartChannels(int found, int expected) =>
        new(
            "MNC3024", ErrorKind.Usage, FormattableString.Invariant($"The starting point was trained on pictures of {found} channels; the network takes {expected}."),
            "Prepare the data with as many channels as the starting point's.");

    public static MlNetCifarException StartSize(int values, Shape input) =>
        new(
            "MNC3024", ErrorKind.Usage, FormattableString.Invariant($"The starting point subtracts a mean image of {values} values; the network takes pictures of {input}."),
            "Prepare the data in the starting point's size.");

    public static MlNetCifarException NoLoss(string network) =>
        new("MNC3027", ErrorKind.Usage, $"The network '{network}' gives features, no classes.", "Add a Linear layer with one output a class, and a loss.");

    public static MlNetCifarException StartChanged(string? then, string? now, string path) =>
        new(
            "MNC3025", ErrorKind.Usage, $"The run was begun {From(then)}, and is to go on {From(now)}.", "Resume with the starting point it was begun from, or start a new run.", path);

    public static MlNetCifarException FrozenInPart(string first, string second) =>
        new(
            "MNC3026", ErrorKind.Usage, $"The running statistics of a layer can only be frozen together: {first} and {second} are not frozen for the same epochs.",
            "Let one group hold both.");

    public static MlNetCifarException OtherTeacher(string difference) =>
        new("MNC3028", ErrorKind.Usage, $"The teacher does not fit: {difference}.", "Give a model of the same classes in the same order, for pictures of the same size.");

    public static MlNetCifarException TeacherChanged(string? then, string? now, string path) =>
        new(
            "MNC3029", ErrorKind.Usage, $"The run was begun {Teacher(then)}, and is to go on {Teacher(now)}.", "Resume with the teacher it was begun with, or start a new run.", path);

    public static MlNetCifarException NoWorkers(DistributedMode mode) =>
        new("MNC3030", ErrorKind.Usage, $"Gradients are to be taken as they come ({mode}), and there are no workers to push them.", "Say how many there are (--workers 4), or train otherwise: synchronous or averaged.");

    static string Teacher(string? stamp) => stamp is null ? "without a teacher" : $"with the teacher of {stamp}";

    static string From(string? start) => start is null ? "without a starting point" : $"from the weights {start[..12]}";
}
