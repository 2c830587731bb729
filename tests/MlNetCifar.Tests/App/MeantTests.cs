using MlNetCifar.App.Cli;

namespace MlNetCifar.Tests.App;

/// <summary>What was probably meant, the habits of other programs, and completion.</summary>
[TestClass]
public sealed class MeantTests
{
    [TestMethod]
    [DataRow("trian", "Did you mean 'train'?")]
    [DataRow("trian --help", "Did you mean 'train'?")]
    [DataRow("help trian", "Did you mean 'train'?")]
    [DataRow("dataset gte", "Did you mean 'get'?")]
    [DataRow("dataset", "list, get, import, sample")]
    [DataRow("xyzzy", "There are quickstart, train,")]
    [DataRow("--data photos train", "The command comes first")]
    [DataRow("train --epoch 3", "Did you mean '--epochs'?")]
    [DataRow("train --imgzs 64 photos", "Did you mean '--imgsz'?")]
    [DataRow("train --learning_rate 1", "Did you mean '--learning-rate'?")]
    [DataRow("train --learningrate=1", "Did you mean '--learning-rate'?")]
    [DataRow("train --device cpu", "--threads")]
    [DataRow("train --model resnet9", "--preset names the network")]
    [DataRow("evaluate --epochs 3", "It is one of 'quickstart', 'train'")]
    [DataRow("predict --tpo 3 x.jpg", "Did you mean '--top'?")]
    [DataRow("train data=photos", "Write --data photos.")]
    [DataRow("train photos batch_size=8", "Write --batch-size 8.")]
    [DataRow("train photos --data pictures", "--data is given twice")]
    [DataRow("train photos pictures", "Unrecognized argument 'pictures'")]
    public void Syntax_SaysWhatWasProbablyMeant(string command, string expected) =>
        StringAssert.Contains(Cli.Run(command.Split(' ')).Bad(ExitCodes.Usage, "MNC9001").Error, expected);

    [TestMethod]
    [DataRow("train photos --optimizer adamm", "Did you mean 'adam'?")]
    [DataRow("train photos --schedule cosin", "Did you mean 'cosine'?")]
    [DataRow("benchmark trian", "Did you mean 'train'?")]
    [DataRow("completion bsh", "Did you mean 'bash'?")]
    public void Values_SayWhatWasProbablyMeant(string command, string expected) =>
        StringAssert.Contains(Cli.Run(command.Split(' ')).Bad(ExitCodes.Usage, "MNC9002").Error, expected);

    [TestMethod]
    public void Preset_IsCheckedBeforeTheData() =>
        StringAssert.Contains(Cli.Run("train", "nowhere", "--preset", "seedcnn").Bad(ExitCodes.Usage, "MNC2004").Error, "Did you mean 'seed-cnn'?");

    [TestMethod]
    public void SettingsOfFilesAndVariables_SayWhatWasProbablyMeant()
    {
        using var folder = new Pictures();
        File.WriteAllText(folder["c.json"], """{"epoch": 3}""");
        StringAssert.Contains(Cli.Run("train", "--config", folder["c.json"]).Bad(ExitCodes.Usage, "MNC9003").Error, "Did you mean 'epochs'?");
        StringAssert.Contains(Cli.Run(["version"], new() { ["MLNETCIFAR_BATCHSIZE"] = "3" }).Good().Out, "mlnetcifar");
        StringAssert.Contains(Cli.Run(["doctor", "machine"], new() { ["MLNETCIFAR_BATCHSIZE"] = "3" }).Good().Error, "Did you mean 'MLNETCIFAR_BATCH_SIZE'?");
    }

    [TestMethod]
    public void PositionalDataAndAliases_AreTheOptions()
    {
        using var folder = new Pictures();
        var run = Cli.Run("fit", folder.Splits(), "--imgsz", "16", "-e", "1", "-b", "4", "--lr", "0.01", "-o", folder["runs"], "--json").Good();
        var args = File.ReadAllText(Path.Combine(run.Lines[^1].GetProperty("run").GetString()!, "args.json"));
        StringAssert.Contains(args, "\"size\": \"16\"");
        StringAssert.Contains(args, "\"epochs\": 1,");
        StringAssert.Contains(args, "\"batch-size\": 4,");
        StringAssert.Contains(args, "\"learning-rate\": 0.01,");
    }

    [TestMethod]
    public void VersionAndHelp_GoByAllTheirNames()
    {
        var version = Cli.Run("--version").Good().Out;
        Assert.AreEqual(version, Cli.Run("version").Good().Out);
        Assert.AreEqual(version, Cli.Run("-V").Good().Out);
        Assert.AreEqual(Cli.Run("--help").Good().Out, Cli.Run("help").Good().Out);
        Assert.AreEqual(Cli.Run("dataset", "get", "-h").Good().Out, Cli.Run("help", "dataset", "get").Good().Out);
    }

    [TestMethod]
    public void HelpAll_ShowsEveryOption_AndHelpThoseThatPeopleUse()
    {
        var (few, all) = (Cli.Run("train", "--help").Good().Out, Cli.Run("train", "--help-all").Good().Out);
        var train = MlNetCifar.App.Commands.AllVerbs.Create().Single(verb => verb.Name == "train");
        Assert.IsTrue(train.Shown.All(option => all.Contains($"  {option.Option}", StringComparison.Ordinal)));
        Assert.DoesNotContain("--beta1", few);
        StringAssert.Contains(few, "mlnetcifar train --help-all");
        Assert.AreEqual(train.Common!.Count, few.Split('\n').Count(line => line.StartsWith("  --", StringComparison.Ordinal)));
    }

    [TestMethod]
    [DataRow("mlnetcifar tr", "train")]
    [DataRow("mlnetcifar dataset g", "get")]
    [DataRow("mlnetcifar fit --opt", "--optimizer")]
    [DataRow("mlnetcifar train --optimizer ad", "adam adamw")]
    [DataRow("mlnetcifar evaluate --nesterov", "")]
    [DataRow("mlnetcifar train --nesterov ", "true false")]
    [DataRow("mlnetcifar benchmark inf", "infer")]
    public void Completion_OfBash_KnowsCommandsOptionsAndValues(string typed, string expected)
    {
        if (!OperatingSystem.IsLinux())
            Assert.Inconclusive("bash is not everywhere");
        using var folder = new Pictures();
        File.WriteAllText(folder["c.bash"], Cli.Run("completion", "bash").Good().Out);
        var words = string.Join(' ', typed.Split(' ').Select(word => $"'{word}'"));
        var script = $"source '{folder["c.bash"]}'; COMP_WORDS=({words}); COMP_CWORD=$((${{#COMP_WORDS[@]}} - 1)); _mlnetcifar 2> /dev/null; echo ${{COMPREPLY[@]}}";
        using var process = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true })!;
        Assert.AreEqual(expected, process.StandardOutput.ReadToEnd().Trim());
        process.WaitForExit();
    }

    [TestMethod]
    [DataRow("bash")]
    [DataRow("zsh")]
    [DataRow("fish")]
    [DataRow("powershell")]
    public void Completion_NamesEveryCommandAndOption(string shell)
    {
        var script = Cli.Run("completion", shell).Good().Out;
        foreach (var verb in MlNetCifar.App.Commands.AllVerbs.Create().SelectMany(verb => verb.Verbs.Prepend(verb)))
        {
            StringAssert.Contains(script, verb.Name);
            foreach (var option in verb is VerbGroup ? [] : verb.Shown)
                StringAssert.Contains(script, shell == "fish" ? $"-l {option.Name} " : option.Option);
        }
    }
}

/// <summary>Names that are like what was typed.</summary>
[TestClass]
public sealed class SpellingTests
{
    static readonly string[] s_names = ["train", "evaluate", "--batch-size", "--epochs", "adam", "adamw", "--val-split"];

    [TestMethod]
    [DataRow("trian", "train")]
    [DataRow("TRAIN", "train")]
    [DataRow("--epoch", "--epochs")]
    [DataRow("--batchsize", "--batch-size")]
    [DataRow("--batch_size", "--batch-size")]
    [DataRow("adamm", "adam")]
    [DataRow("eval", "evaluate")]
    [DataRow("--split", "--val-split")]
    [DataRow("xyzzy", null)]
    [DataRow("--", null)]
    [DataRow("", null)]
    public void Closest_FindsWhatWasMeant(string typed, string? expected) => Assert.AreEqual(expected, Spelling.Closest(typed, s_names));
}
