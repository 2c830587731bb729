using System.Text.Json;
using MlNetCifar.App.Cli;
using MlNetCifar.Data;
using MlNetCifar.Files;
using MlNetCifar.Tests.App;

namespace MlNetCifar.Tests.Data;

/// <summary>Nothing is mixed, written over or taken for whole in a folder that two runs, or a run and somebody else, write into.</summary>
[TestClass]
public sealed class ShardLockTests
{
    static readonly ShardOptions s_options = new() { Spec = new() { Width = 16, Height = 16 }, Parts = 3, Threads = 1 };

    [TestMethod]
    public void SecondRun_WithOtherSettings_IsRefusedByName_AndTheFirstIsWhole()
    {
        using var folder = new Pictures();
        var (data, output) = (folder.Classes("photos"), folder["shards"]);
        using var catalog = ImageCatalog.Open(data);
        MlNetCifarException? refused = null;
        ShardWriter.Write(catalog, output, s_options, (_, work) =>
        {
            refused = Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(data, output, s_options with { Parts = 5 }));
            return Make(catalog, work[0]);
        });
        Assert.AreEqual("MNC1035", refused!.Code);
        StringAssert.Contains(refused.Message, $"{Environment.UserName}@{Environment.MachineName}, process {Environment.ProcessId}");
        using var dataset = ImageDataset.Open(output);
        Assert.AreEqual(36, dataset.Train.Count);
        Assert.IsFalse(File.Exists(Path.Combine(output, ShardLock.FileName)));
    }

    [TestMethod]
    public void RunThatDied_IsTakenOver_AndWhatItLeftIsNobodyElses()
    {
        using var folder = new Pictures();
        var (data, output) = (folder.Classes("photos"), folder["shards"]);
        ShardWriter.Write(data, folder["whole"], s_options);

        // Killed between two files of a part, with other settings, by a process that is no more.
        folder.Write("shards/X_part_00000.npy", "cut");
        WriteLock(output, "dead", process: int.MaxValue, DateTimeOffset.UtcNow);
        Assert.AreEqual("MNC1032", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(output)).Code);
        ShardWriter.Write(data, output, s_options);
        AssertSame(folder["whole"], output);
    }

    [TestMethod]
    public void RunThatWasTakenForDead_CommitsNothingMore()
    {
        using var folder = new Pictures();
        var output = folder["shards"];
        using var catalog = ImageCatalog.Open(folder.Classes("photos"));
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(catalog, output, s_options, (_, work) =>
        {
            WriteLock(output, "other", Environment.ProcessId, DateTimeOffset.UtcNow);
            Assert.AreEqual("MNC1036", Assert.ThrowsExactly<MlNetCifarException>(work[0].Plan.RequireFolder).Code);
            return Make(catalog, work[0]);
        }));
        Assert.AreEqual("MNC1036", error.Code);
        Assert.IsFalse(File.Exists(Path.Combine(output, ShardManifest.FileName)));
        StringAssert.Contains(File.ReadAllText(Path.Combine(output, ShardLock.FileName)), "\"other\"");
    }

    [TestMethod]
    public void RunThatFails_LeavesANote_AndReadersRefuse()
    {
        using var folder = new Pictures();
        var (data, output) = (folder.Classes("photos"), folder["shards"]);
        using (var catalog = ImageCatalog.Open(data))
        {
            Assert.ThrowsExactly<InvalidOperationException>(() => ShardWriter.Write(
                catalog, output, s_options, (_, work) => Make(catalog, work[0]).Select((part, i) => i == 0 ? part : throw new InvalidOperationException())));
        }

        foreach (var file in Directory.GetFiles(output, "_part_*"))
            File.Delete(file);
        foreach (var verb in new[] { "train", "evaluate" })
            Cli.Run(verb, "--data", output, "--output", folder.Runs).Bad(ExitCodes.DataRejected, "MNC1032");
        File.Delete(Path.Combine(output, ShardLock.FileName));
        Assert.AreEqual("MNC1032", Assert.ThrowsExactly<MlNetCifarException>(() => ImageDataset.Open(output)).Code, "parts without a manifest");
        Assert.AreEqual(3, ShardWriter.Write(data, output, s_options).PartsWritten);
        ShardWriter.Write(data, folder["whole"], s_options);
        AssertSame(folder["whole"], output);
    }

    [TestMethod]
    [DataRow("X_part_00000.npy")]
    [DataRow("y_part_00002.npy")]
    [DataRow("labels.txt")]
    [DataRow("_SUCCESS")]
    [DataRow("bad_files.jsonl")]
    [DataRow("manifest.json")]
    public void ForeignFile_IsNeverWrittenOver(string name)
    {
        using var folder = new Pictures();
        foreach (var data in new[] { folder.Classes("photos"), folder.Splits() })
        {
            folder.Write(Path.Combine("shards", name), "somebody's");
            folder.Write("shards/_temporary/0/other_job.txt", "somebody's");
            var target = data.EndsWith("data", StringComparison.Ordinal) && name.Contains("part") ? Path.Combine("shards", "train") : "shards";
            folder.Write(Path.Combine(target, name), "somebody's");
            var refused = Cli.Run("prepare", data, "--to", folder["shards"], "--size", "16");
            if (name == "manifest.json" && target == "shards" && data.EndsWith("data", StringComparison.Ordinal))
                refused.Bad(ExitCodes.Usage, "MNC1034");
            else
                StringAssert.Contains(refused.Bad(ExitCodes.Usage, "MNC1037").Error, name);
            Assert.AreEqual("somebody's", File.ReadAllText(folder[Path.Combine(target, name)]));
            Assert.AreEqual("somebody's", File.ReadAllText(folder["shards/_temporary/0/other_job.txt"]));
            Assert.IsFalse(File.Exists(folder["shards/_mlnetcifar.lock"]));
            Directory.Delete(folder["shards"], recursive: true);
        }
    }

    [TestMethod]
    public void OtherFiles_StayBesideTheShards()
    {
        using var folder = new Pictures();
        folder.Write("shards/README.txt", "mine");
        folder.Write("shards/X_part_7.npy", "mine");
        var data = folder.Classes("photos");
        ShardWriter.Write(data, folder["shards"], s_options);
        ShardWriter.Write(data, folder["shards"], s_options with { Parts = 1, ExistOk = true });
        Assert.AreEqual("mine", File.ReadAllText(folder["shards/README.txt"]));
        Assert.AreEqual("mine", File.ReadAllText(folder["shards/X_part_7.npy"]));
        Assert.IsFalse(File.Exists(folder["shards/X_part_00002.npy"]), "its own old parts go");
    }

    [TestMethod]
    [DataRow("height is 16 instead of 12", "--size", "12")]
    [DataRow("parts 3 instead of parts 2", "--parts", "2")]
    [DataRow("parts 3 instead of parts of 67108864 bytes")]
    [DataRow("seed 0 instead of seed 4", "--parts", "3", "--seed", "4")]
    [DataRow("bytes instead of normalized float32", "--parts", "3", "--float32", "--normalize")]
    [DataRow("pictures of at most 178956970 pixels", "--parts", "3", "--max-pixels", "300")]
    public void FinishedShards_OfOtherSettings_StayUnlessToldOtherwise(string difference, params string[] asked)
    {
        using var folder = new Pictures();
        var (data, output) = (folder.Classes("photos"), folder["shards"]);
        string[] prepare = ["prepare", data, "--to", output];
        string[] size = asked.Contains("--size") ? [] : ["--size", "16"];
        Cli.Run([.. prepare, "--size", "16", "--parts", "3"]).Good();
        var before = Content(output);
        var refused = Cli.Run([.. prepare, .. size, .. asked]).Bad(ExitCodes.Usage, "MNC1039");
        StringAssert.Contains(refused.Error, difference);
        StringAssert.Contains(refused.Error, "--exist-ok");
        CollectionAssert.AreEqual(before, Content(output));
        StringAssert.Contains(Cli.Run([.. prepare, "--size", "16", "--parts", "3"]).Good().Out, "0 parts written, 3 kept");
        Cli.Run([.. prepare, .. size, .. asked, "--exist-ok"]).Good();
        Cli.Run([.. prepare.Select(word => word == output ? folder["fresh"] : word), .. size, .. asked]).Good();
        AssertSame(folder["fresh"], output);
        StringAssert.Contains(Cli.Run([.. prepare, .. size, .. asked]).Good().Out, "0 parts written");
    }

    [TestMethod]
    public void UnfinishedShards_OfOtherSettings_AreReplaced_AndOtherClassesOrSplitsRefused()
    {
        using var folder = new Pictures();
        var (data, output) = (folder.Splits(), folder["shards"]);
        ShardWriter.Write(data, output, s_options);
        File.Delete(Path.Combine(output, ShardManifest.SuccessName));
        ShardWriter.Write(data, output, s_options with { Seed = 5 });

        // As earlier versions wrote it: what does not show is not known.
        foreach (var manifest in Directory.GetFiles(output, ShardManifest.FileName, SearchOption.AllDirectories))
        {
            var text = File.ReadAllText(manifest);
            var start = text.IndexOf("  \"settings\"", StringComparison.Ordinal);
            File.WriteAllText(manifest, text.Remove(start, text.IndexOf("],\n", start, StringComparison.Ordinal) + 3 - start));
        }

        Assert.AreEqual(0, ShardWriter.Write(data, output, s_options with { Seed = 5 }).PartsWritten);
        Assert.AreEqual("MNC1039", Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(data, output, s_options with { Float32 = true })).Code);
        ShardWriter.Write(data, output, s_options);
        var train = Path.Combine(data, "train");
        Directory.Move(Path.Combine(train, Path.GetFileName(Directory.GetDirectories(train)[0])), Path.Combine(train, "zebra"));
        foreach (var split in Directory.GetDirectories(data).Where(split => split != train))
            Directory.Delete(split, recursive: true);
        Assert.AreEqual("MNC1034", Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(data, output, s_options with { ExistOk = true })).Code, "a split that is no more");
        ShardWriter.Write(train, folder["alone"], s_options);
        Directory.Move(Path.Combine(train, "zebra"), Path.Combine(train, "ant"));
        StringAssert.Contains(Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(train, folder["alone"], s_options)).Message, "zebra");
        Assert.AreEqual(3, ShardWriter.Write(train, folder["alone"], s_options with { ExistOk = true }).PartsWritten);
    }

    [TestMethod]
    public void Output_ThatIsTheInput_OrAFile_IsRefused()
    {
        using var folder = new Pictures();
        var data = folder.Classes("photos");
        Directory.CreateSymbolicLink(folder["link"], "photos");
        Directory.CreateSymbolicLink(folder["circle"], "circle/x");
        Directory.CreateDirectory(folder["deep/er"]);
        Directory.CreateSymbolicLink(folder["deep/er/inner"], "../../link/red");
        foreach (var output in new[] { data, data + "/", folder["link"], data + "/shards", data + "/../photos", folder["link/new/shards"], folder["deep/er/inner/../shards"], folder["none/../link/./shards"] })
        {
            Assert.AreEqual("MNC1038", Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(data, output, s_options)).Code, output);
            Assert.AreEqual("MNC1038", Assert.ThrowsExactly<MlNetCifarException>(() => ShardWriter.Write(folder["link"], output, s_options)).Code, output);
            if (!output.Contains("inner", StringComparison.Ordinal))
                Cli.Run("prepare", data, "--to", output, "--size", "16").Bad(ExitCodes.Usage, "MNC1038");
        }

        ShardWriter.Write(data, folder["photos.shards"], s_options);
        Assert.AreEqual(folder["circle"] + "/y", LocalFileStore.Instance.FullName(folder["circle/y"]));
        Assert.AreEqual("", LocalFileStore.Instance.FullName("/"));
        folder.Write("file", "text");
        Cli.Run("prepare", data, "--to", folder["file"], "--size", "16").Bad(ExitCodes.Usage, "MNC1038");
        Assert.AreEqual("text", File.ReadAllText(folder["file"]));
        Assert.HasCount(36, Directory.GetFiles(data, "*", SearchOption.AllDirectories));
    }

    static IEnumerable<(int, ShardPartInfo)> Make(ImageCatalog catalog, ShardWork work)
    {
        var (target, plan, missing) = work;
        var builder = new ShardBuilder(s_options);
        foreach (var number in missing)
        {
            var inputs = plan.Parts[number].Select(i => catalog.Images[i]).Select(image => new ShardInput(image.Path, image.Label, () => File.ReadAllBytes(catalog.Tree.Locate(image.Path))));
            yield return (0, builder.Build(plan.Parts[number].Length, inputs).Write(LocalFileStore.Instance, target, number, plan.Keys[number], catalog.Classes.Count));
        }
    }

    static void WriteLock(string folder, string id, int process, DateTimeOffset renewed)
    {
        Directory.CreateDirectory(folder);
        var started = DateTimeOffset.UtcNow;
        File.WriteAllText(Path.Combine(folder, ShardLock.FileName), JsonSerializer.Serialize(new Dictionary<string, object>
        {
            ["id"] = id, ["user"] = "ann", ["machine"] = Environment.MachineName, ["process"] = process, ["process_started"] = started, ["started"] = started, ["renewed"] = renewed,
            ["ended"] = false,
        }));
    }

    static void AssertSame(string expected, string actual) => CollectionAssert.AreEqual(Content(expected), Content(actual));

    static string[] Content(string folder) =>
        [.. Directory.GetFiles(folder, "*", SearchOption.AllDirectories).Select(f => $"{Path.GetRelativePath(folder, f)} {Convert.ToHexString(File.ReadAllBytes(f))}").Order(StringComparer.Ordinal)];
}
