using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands;

namespace MlNetCifar.Tests.App;

/// <summary>Help texts against committed files. To write them anew: MLNETCIFAR_UPDATE_SNAPSHOTS=1.</summary>
[TestClass]
public sealed class HelpTests
{
    public static IEnumerable<object[]> Commands => [[""], .. Paths(AllVerbs.Create(), "").Select(path => new object[] { path })];

    [TestMethod]
    [DynamicData(nameof(Commands))]
    public void Help_IsAsCommitted(string command)
    {
        var run = Cli.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"]).Good();
        Assert.AreEqual("", run.Error);
        Snapshot.Check($"help{(command.Length == 0 ? "" : "-")}{command.Replace(' ', '-')}.txt", run.Out);
    }

    [TestMethod]
    [DynamicData(nameof(Commands))]
    public void Help_FitsATerminal(string command)
    {
        var run = Cli.Run([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "-h"]).Good();
        Assert.IsLessThanOrEqualTo(120, run.Out.Split('\n').Max(line => line.Length));
    }

    [TestMethod]
    public void EveryCommand_SaysWhatItDoesInOneSentence()
    {
        foreach (var verb in AllVerbs.Create().SelectMany(v => v.Verbs.Append(v)))
        {
            StringAssert.EndsWith(verb.Help, ".", verb.Name);
            if (verb is not VerbGroup)
                Assert.AreEqual(verb.Options.Count, verb.Options.Select(s => s.Name).Distinct().Count(), verb.Name);
        }
    }

    [TestMethod]
    public void NoCommand_PrintsHelpOnStandardErrorAndFails()
    {
        var run = Cli.Run();
        Assert.AreEqual(ExitCodes.Usage, run.ExitCode);
        Assert.AreEqual("", run.Out);
        StringAssert.Contains(run.Error, "quickstart");
    }

    [TestMethod]
    public void Version_IsPrinted() => Assert.AreEqual($"mlnetcifar {CommandLine.Version}\n", Cli.Run("--version").Good().Out);

    static IEnumerable<string> Paths(IEnumerable<Verb> verbs, string parent) =>
        verbs.SelectMany(verb => Paths(verb.Verbs, $"{parent}{verb.Name} ").Prepend(parent + verb.Name));
}
