namespace MlNetCifar.Tests.App;

/// <summary>No login and no token of an address is ever shown or written.</summary>
[TestClass]
public sealed class SecretsTests
{
    const string Secret = "S3cRet";

    [TestMethod]
    [DataRow("http://bob:S3cRet@host:5000/a", "http://***@host:5000/a")]
    [DataRow("https://S3cRet@host", "https://***@host")]
    [DataRow("http://bob:S3cRet@[::1]:5000", "http://***@[::1]:5000")]
    [DataRow("http://bob:a/S3cRet#?@host/p", "http://***@host/p")]
    [DataRow("http://bob:it's \"S3cRet\" @host/p", "http://***@host/p")]
    [DataRow("http://b@b:S3cRet@host/p@q", "http://***@host/p@q")]
    [DataRow("hdfs://bob:S3cRet@nn:8020/a,webhdfs://x:S3cRet@nn2:9870/b", "hdfs://***@nn:8020/a,webhdfs://***@nn2:9870/b")]
    [DataRow("sc://host:15002/;token=S3cRet;use_ssl=true;user_id=ann;x-api=S3cRet", "sc://host:15002/;token=***;use_ssl=true;user_id=ann;x-api=***")]
    [DataRow("https://host/f.zip?X-Amz-Signature=S3cRet&access_token=S3cRet&page=2", "https://host/f.zip?X-Amz-Signature=***&access_token=***&page=2")]
    [DataRow("https://host/?sig=S3cRet#top", "https://host/?sig=***#top")]
    [DataRow("hdfs://nn:9000/mail/a@b/c", "hdfs://nn:9000/mail/a@b/c")]
    [DataRow("hdfs://service/a@b", "hdfs://service/a@b")]
    [DataRow("http://[::1]:5000/a@b", "http://[::1]:5000/a@b")]
    [DataRow("http://***@host", "http://***@host")]
    [DataRow("file:///home/a@b", "file:///home/a@b")]
    [DataRow("no address, bob:S@x", "no address, bob:S@x")]
    [DataRow("", "")]
    public void Address_IsMasked(string address, string expected) => Assert.AreEqual(expected, Secrets.InAddress(address));

    [TestMethod]
    public void Text_IsMaskedAddressByAddress()
    {
        Assert.AreEqual(
            "'http://***@a/b' (see https://c/d) for x@y, \"sc://h/;token=***\"",
            Secrets.InText("'http://u:S3cRet@a/b' (see https://c/d) for x@y, \"sc://h/;token=S3cRet\""));
        const string plain = "Write hdfs://host:port/path, webhdfs://host:port/path or hdfs://nameservice/path.";
        Assert.AreEqual(plain, Secrets.InText(plain));
    }

    [TestMethod]
    public void Error_HasNone()
    {
        var error = new MlNetCifarException("MNC9999", ErrorKind.Failure, "http://a:S3cRet@b is away.", "Look at http://a:S3cRet@b.", "hdfs://a:S3cRet@b/c");
        foreach (var text in new[] { error.Message, error.Reason, error.Action!, error.Path!, error.ToString() })
            Assert.DoesNotContain(Secret, text);
    }

    [TestMethod]
    public void Run_WritesNone()
    {
        using var folder = new Pictures();
        string[] settings = ["--data", folder.Splits(), "--output", folder.Runs, "--size", "16", "--preset", "cats-dogs-cnn", "--batch-size", "8", "--threads", "1"];
        var train = Cli.Run(["train", .. settings, "--epochs", "2", "--mlflow", $"http://bob:{Secret}@127.0.0.1:9/p", "--verbose"]).Good();
        Assert.DoesNotContain(Secret, train.Out + train.Error);
        StringAssert.Contains(train.Error, "http://***@127.0.0.1:9/p");
        var run = Path.Combine(folder.Runs, "train", "cats-dogs-cnn");
        AssertNone(run);
        StringAssert.Contains(File.ReadAllText(Path.Combine(run, "args.json")), "http://***@127.0.0.1:9/p");
        StringAssert.Contains(File.ReadAllText(Path.Combine(run, "report.html")), "http://***@127.0.0.1:9/p");

        // By variable, into the same folder; and by the file that was written, without its login.
        var again = Cli.Run(["train", .. settings, "--epochs", "1", "--exist-ok", "--json"], new() { ["MLNETCIFAR_MLFLOW"] = $"http://{Secret}@127.0.0.1:9" }).Good();
        Assert.DoesNotContain(Secret, again.Out + again.Error);
        AssertNone(run);
        Cli.Run("train", "--resume", run, "--epochs", "2").Good();
        AssertNone(run);
    }

    [TestMethod]
    [DataRow("evaluate --data hdfs://bob:S3cRet@/x")]
    [DataRow("train --data x --mlflow ftp://bob:S3cRet@127.0.0.1")]
    [DataRow("train --data x --mlflow http://bob:x/S3cRet@127.0.0.1")]
    [DataRow("train http://bob:S3cRet@127.0.0.1")]
    [DataRow("train --nosuch sc://h:1/;token=S3cRet")]
    [DataRow("prepare --data x --to y --master sc://bob:S3cRet@127.0.0.1:9")]
    [DataRow("prepare --data x --to y --master spark://127.0.0.1:9/;token=S3cRet")]
    public void Fault_TellsNone(string words)
    {
        using var folder = new Pictures();
        var data = folder.Splits();
        var done = Cli.Run([.. words.Split(' ').Select(w => w is "x" ? data : w is "y" ? folder["shards"] : w), "--verbose"]);
        Assert.AreNotEqual(0, done.ExitCode);
        Assert.AreNotEqual("", done.Error);
        Assert.DoesNotContain(Secret, done.Out + done.Error);
    }

    /// <summary>Each tries for five to twenty seconds to reach a server that is not there.</summary>
    [TestMethod]
    [TestCategory("Slow")]
    [DataRow("train --data hdfs://bob:S3cRet@127.0.0.1:9/x")]
    [DataRow("train --data webhdfs://bob:S3cRet@127.0.0.1:9/x --json")]
    [DataRow("dataset import x --to hdfs://bob:S3cRet@127.0.0.1:9/x")]
    [DataRow("predict hdfs://bob:S3cRet@127.0.0.1:9/x.jpg")]
    [DataRow("prepare --data x --to y --master sc://127.0.0.1:9/;token=S3cRet")]
    public void Unreachable_TellsNone(string words) => Fault_TellsNone(words);

    static void AssertNone(string folder)
    {
        foreach (var file in Directory.GetFiles(folder, "*", SearchOption.AllDirectories))
            Assert.DoesNotContain(Secret, File.ReadAllText(file), file);
    }
}
