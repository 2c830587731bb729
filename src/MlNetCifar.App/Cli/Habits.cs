namespace MlNetCifar.App.Cli;

/// <summary>Names that people bring along from other programs, foremost those of Ultralytics and Keras.</summary>
internal static class Habits
{
    /// <summary>Other names of options, which do the same.</summary>
    static readonly Dictionary<string, string[]> s_aliases = new()
    {
        ["data"] = ["-d"],
        ["size"] = ["--imgsz", "--image-size"],
        ["val-split"] = ["--validation-split"],
        ["subset"] = ["--split"],
        ["preset"] = ["--arch"],
        ["epochs"] = ["-e"],
        ["batch-size"] = ["-b", "--batch"],
        ["learning-rate"] = ["--lr", "--lr0"],
        ["weight-decay"] = ["--wd"],
        ["class-weights"] = ["--class-weight"],
        ["augment"] = ["--augmentation"],
        ["rotation"] = ["--degrees"],
        ["model"] = ["-m", "--weights"],
        ["abstain-below"] = ["--conf"],
        ["output"] = ["-o", "--project"],
        ["out"] = ["-o"],
        ["threads"] = ["-j"],
        ["top"] = ["-k"],
    };

    /// <summary>What to do instead of options that are none here.</summary>
    static readonly Dictionary<string, string> s_hints = new()
    {
        ["device"] = "Everything runs on the processor; --threads says on how many of its cores.",
        ["gpu"] = "Everything runs on the processor; --threads says on how many of its cores.",
        ["gpus"] = "Everything runs on the processor; --threads says on how many of its cores.",
        ["workers"] = "Pictures are decoded on all cores, or as many as --threads says.",
        ["cos-lr"] = "Write --schedule cosine.",
        ["early-stopping"] = "Write --patience 5.",
        ["callbacks"] = "Write --patience, --checkpoint-every, --tensorboard or --mlflow.",
        ["freeze"] = "Write --groups 'conv*: frozen'.",
        ["fliplr"] = "Write --flip random.",
        ["erasing"] = "Write --cutout PIXELS.",
        ["dropout"] = "Dropout belongs to the network: see 'mlnetcifar presets'.",
        ["loss"] = "The loss belongs to the network: see 'mlnetcifar presets'.",
        ["metrics"] = "All metrics are measured always.",
        ["amp"] = "Numbers have 32 bits; 'export --half' writes 16.",
        ["source"] = "Name pictures and folders without an option.",
        ["pretrained"] = "Write --backbone resnet18; from C#, Trainer.Start takes any weights.",
        ["model"] = "--preset names the network to train; 'mlnetcifar presets' lists them.",
        ["format"] = "'mlnetcifar export --out FILE' writes .safetensors or .onnx, as the file's ending says.",
    };

    /// <summary>Other names of an option, with their dashes; none that is an option of the command itself.</summary>
    public static IEnumerable<string> Aliases(OptionDescription option, Verb verb) => Aliases(option).Where(alias => verb.Options.All(other => other.Option != alias));

    /// <summary>Other names of an option, with their dashes.</summary>
    public static IReadOnlyList<string> Aliases(OptionDescription option) => s_aliases.GetValueOrDefault(option.Name) ?? [];

    /// <summary>What to do instead of an option that a command does not have; null where nothing is known of it.</summary>
    public static string? Hint(string typed) => s_hints.GetValueOrDefault(typed.TrimStart('-').ToLowerInvariant().Replace('_', '-'));
}
