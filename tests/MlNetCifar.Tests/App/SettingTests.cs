using System.Reflection;
using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;
using MlNetCifar.Experiments;

namespace MlNetCifar.Tests.App;

[TestClass]
public sealed class SettingTests
{
    static readonly OptionDescription<int> s_epochs = TrainingTable.All.Find<int>("epochs");

    [TestMethod]
    public void CommandLine_GoesBeforeVariable_BeforeFile_BeforeDefault()
    {
        using var folder = new Pictures();
        var config = folder.Write("c.json", """{ "epochs": 3, /* allowed */ "batch-size": 8, }""");
        var variables = new Dictionary<string, string> { ["MLNETCIFAR_EPOCHS"] = "2", ["MLNETCIFAR_SEED"] = "9" };
        Assert.AreEqual(1, Values(new() { ["epochs"] = "1", ["config"] = config }, variables).Get(s_epochs));
        Assert.AreEqual(2, Values(new() { ["config"] = config }, variables).Get(s_epochs));
        Assert.AreEqual(3, Values(new() { ["config"] = config }, []).Get(s_epochs));
        Assert.AreEqual(s_epochs.Fallback, Values([], []).Get(s_epochs));
        Assert.AreEqual(3, Values([], new() { ["MLNETCIFAR_CONFIG"] = config }).Get(s_epochs));
        Assert.AreEqual(8, Values(new() { ["config"] = config }, variables).Get(TrainingTable.All.Find<int>("batch-size")));
    }

    [TestMethod]
    [DataRow("--json=false", false)]
    [DataRow("--json:false", false)]
    [DataRow("--json=true", true)]
    [DataRow("--json", true)]
    [DataRow("--verbose=false", true)]
    public void Flag_SetInAFile_IsSwitchedOffOnTheCommandLine(string flag, bool json)
    {
        using var folder = new Pictures();
        var config = folder.Write("c.json", """{ "json": true }""");
        var cli = Cli.Run("image", "info", Path.Combine(folder.Classes("data", 1), "red", "000.png"), "--config", config, flag).Good();
        Assert.AreEqual(json, cli.Out.StartsWith('{'), cli.Out);
    }

    [TestMethod]
    public void Flag_BeforeAnArgument_DoesNotTakeItForItsValue()
    {
        using var folder = new Pictures();
        Cli.Run("image", "info", "--json", folder["missing.png"]).Bad(ExitCodes.DataRejected, "MNC9011");
        Cli.Run("summary", "--json=perhaps").Bad(ExitCodes.Usage, "MNC9001");
    }

    [TestMethod]
    [DataRow("512k", 512L << 10)]
    [DataRow("20G", 20L << 30)]
    [DataRow("21474836480", 20L << 30)]
    [DataRow("none", null)]
    public void Bytes_ReadsWhatItWrites(string text, long? expected)
    {
        Assert.AreEqual(expected, OptionText.Bytes(text));
        Assert.AreEqual(expected, OptionText.Bytes(OptionText.Of(expected)));
    }

    [TestMethod]
    [DataRow("0")]
    [DataRow("-5m")]
    [DataRow("9999999999999g")]
    [DataRow("2t")]
    public void Bytes_RefusesOtherText(string text) => Assert.ThrowsExactly<FormatException>(() => OptionText.Bytes(text));

    [TestMethod]
    public void Table_HoldsEveryPropertyOfTheOptions()
    {
        var options = typeof(TrainingOptions).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite && p.PropertyType != typeof(Augmentation));
        var changes = typeof(Augmentation).GetProperties(BindingFlags.Public | BindingFlags.Instance).Where(p => p.CanWrite);
        var expected = options.Concat(changes).Select(p => OptionText.Kebab(p.Name)).Order().ToArray();
        CollectionAssert.AreEqual(expected, TrainingTable.All.Descriptions.Select(o => o.Name).Order().ToArray());
    }

    [TestMethod]
    public void Table_WritesAndReadsEachPropertyBack()
    {
        foreach (var binding in TrainingTable.All.All)
        {
            var (before, option) = (new TrainingOptions(), binding.Description);
            var value = option.Read(Example(option));
            var after = binding.Set(before, value);
            Assert.AreNotEqual(before, after, option.Name);
            Assert.AreEqual(value, binding.Get(after), option.Name);
            Assert.AreEqual(value, option.Read(OptionText.Of(value)), option.Name);
        }
    }

    [TestMethod]
    [DataRow("90s", 90)]
    [DataRow("15m", 900)]
    [DataRow("1h30m", 5400)]
    [DataRow("1.5m", 90)]
    [DataRow("00:02:00", 120)]
    public void Duration_IsRead(string text, int seconds) => Assert.AreEqual(TimeSpan.FromSeconds(seconds), OptionText.Duration(text));

    [TestMethod]
    [DataRow("")]
    [DataRow("15")]
    [DataRow("soon")]
    [DataRow("5x")]
    public void Duration_IsRefused(string text) => Assert.ThrowsExactly<FormatException>(() => OptionText.Duration(text));

    [TestMethod]
    [DataRow("64", 64, 64)]
    [DataRow("64x48", 64, 48)]
    public void Size_IsRead(string text, int width, int height) => Assert.AreEqual(new ImageSize(width, height), OptionText.Size(text));

    [TestMethod]
    [DataRow("OneCycle", "one-cycle")]
    [DataRow("AdamW", "adamw")]
    [DataRow("BatchSize", "batch-size")]
    [DataRow("Beta1", "beta1")]
    public void Kebab_IsTheNameOfOptions(string name, string expected) => Assert.AreEqual(expected, OptionText.Kebab(name));

    [TestMethod]
    public void UnknownNameInFile_IsNamed()
    {
        using var folder = new Pictures();
        var config = folder.Write("c.json", """{ "epoch": 3 }""");
        var run = Cli.Run("train", "--data", folder.Root, "--config", config).Bad(ExitCodes.Usage, "MNC9003");
        StringAssert.Contains(run.Error, "'epoch'");
        StringAssert.Contains(run.Error, config);
    }

    [TestMethod]
    [DataRow("[1, 2]")]
    [DataRow("{ \"epochs\": [1] }")]
    [DataRow("epochs: 3")]
    public void FileThatIsNoObject_IsRefused(string text)
    {
        using var folder = new Pictures();
        Cli.Run("train", "--config", folder.Write("c.json", text)).Bad(ExitCodes.Usage, "MNC9003");
    }

    [TestMethod]
    [DataRow("MNC9002", "--epochs", "abc")]
    [DataRow("MNC9002", "--size", "0")]
    [DataRow("MNC9002", "--schedule", "cosin")]
    [DataRow("MNC9002", "--time-budget", "5")]
    [DataRow("MNC9002", "--val-split", "1.5")]
    [DataRow("MNC9002", "--seed", "-1")]
    [DataRow("MNC3001", "--epochs", "0")]
    [DataRow("MNC3001", "--learning-rate", "-1")]
    [DataRow("MNC9012", "--rotation", "999")]
    [DataRow("MNC1016", "--augment", "wild")]
    [DataRow("MNC1208", "--median", "4")]
    [DataRow("MNC9001", "--epoch", "3")]
    public void WrongValue_IsNamed(string code, string option, string value)
    {
        using var folder = new Pictures();
        var run = Cli.Run("train", "--data", folder.Splits(train: 2, test: 1), "--output", folder.Runs, option, value).Bad(ExitCodes.Usage, code);
        StringAssert.Contains(run.Error, code == "MNC9001" ? option : value.TrimStart('-'));
        Assert.IsFalse(Directory.Exists(folder.Runs));
    }

    [TestMethod]
    [DataRow("--gradient-format is f16 with --distributed-mode synchronous and --slices 1, expected synchronous and at least 2 --slices", "--gradient-format", "f16")]
    [DataRow("--swa-start is 0.5 and --ema-decay is 0.9, expected one of them", "--swa-start", "0.5", "--ema-decay", "0.9")]
    public void ValuesThatDoNotGoTogether_AreToldByTheNamesOfOptions(string text, params string[] options)
    {
        using var folder = new Pictures();
        StringAssert.Contains(Cli.Run(["train", "--data", folder.Splits(train: 2, test: 1), "--output", folder.Runs, .. options]).Bad(ExitCodes.Usage, "MNC3001").Error, text);
    }

    [TestMethod]
    public void WrongVariable_IsNamed()
    {
        var run = Cli.Run(["train", "--data", "x"], new() { ["MLNETCIFAR_EPOCHS"] = "many" }).Bad(ExitCodes.Usage, "MNC9002");
        StringAssert.Contains(run.Error, "MLNETCIFAR_EPOCHS is 'many'; expected a whole number");
    }

    [TestMethod]
    [DataRow("foo")]
    [DataRow("dataset")]
    [DataRow("train now then")]
    [DataRow("image info")]
    [DataRow("dataset import a b c")]
    [DataRow("benchmark train infer")]
    [DataRow("image decode")]
    public void WrongSyntax_PointsAtHelp(string command) =>
        StringAssert.Contains(Cli.Run(command.Split(' ')).Bad(ExitCodes.Usage, "MNC9001").Error, "--help'");

    [TestMethod]
    public void MissingData_NamesAllWaysToGiveIt() =>
        StringAssert.Contains(Cli.Run("train").Bad(ExitCodes.Usage, "MNC9004").Error, "MLNETCIFAR_DATA");

    [TestMethod]
    public void Verbose_PrintsTheStackTrace()
    {
        var run = Cli.Run("train", "--data", "/nowhere", "--verbose");
        Assert.AreEqual(ExitCodes.DataRejected, run.ExitCode);
        StringAssert.Contains(run.Error, "   at ");
    }

    static string Example(OptionDescription option) => option.ValueName switch
    {
        "BOOL" => option.Default is true ? "false" : "true",
        "TIME" => "1h30m",
        "GROUPS" => "conv*, layer1: rate-factor=0.5, frozen; fc1",
        "NAME" => option.Name switch { "optimizer" => "muon", "schedule" => "one-cycle", "class-weights" => "balanced", "flip" => "alternate", "distributed-mode" => "averaged", "gradient-format" => "bf16", _ => "reflect" },
        "RATE" or "SHARE" or "M" or "B" or "D" or "S" or "E" or "F" or "NORM" or "DEGREES" => "0.125",
        _ => "7",
    };

    static OptionValues Values(Dictionary<string, string> commandLine, Dictionary<string, string> variables) =>
        GivenOptions.Merge(new TrainCommand(), commandLine, variables.GetValueOrDefault);
}
