using MlNetCifar.Spark;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Hdfs;
using MlNetCifar.Spark.Import;
using MlNetCifar.Spark.Stage;

namespace MlNetCifar.Tests.Spark;

[TestClass]
public sealed class SparkConnectionTests
{
    [TestMethod]
    public void Parse_ReadsEveryParameter()
    {
        var c = SparkConnection.Parse("sc://spark.example:443/;token=ab%2Fc;use_ssl=true;user_id=ann;session_id=6f1b5a0e-6f4e-4f0e-9a70-1f4c3b2a1d00;x-team=vision");
        Assert.AreEqual("spark.example", c.Host);
        Assert.AreEqual(443, c.Port);
        Assert.AreEqual("ab/c", c.Token);
        Assert.IsTrue(c.UseTls);
        Assert.AreEqual("ann", c.UserId);
        Assert.AreEqual("6f1b5a0e-6f4e-4f0e-9a70-1f4c3b2a1d00", c.SessionId);
        Assert.AreEqual("vision", c.Headers["x-team"]);
    }

    [TestMethod]
    [DataRow("sc://host", 15002, false)]
    [DataRow("sc://host:7", 7, false)]
    [DataRow("sc://host/;token=t", 15002, true)]
    [DataRow("sc://127.0.0.1:9/;token=t", 9, false)]
    [DataRow("sc://[::1]:9/;token=t;use_ssl=true", 9, true)]
    public void Parse_ChoosesPortAndTls(string text, int port, bool tls)
    {
        var c = SparkConnection.Parse(text);
        Assert.AreEqual(port, c.Port);
        Assert.AreEqual(tls, c.UseTls);
    }

    [TestMethod]
    [DataRow("http://host")]
    [DataRow("sc:///;token=geheim")]
    [DataRow("sc://host/path;token=geheim")]
    [DataRow("sc://host/;token=geheim;use_ssl=false")]
    [DataRow("sc://host/;token=geheim;use_ssl=maybe")]
    [DataRow("sc://host/;token=geheim;session_id=1")]
    [DataRow("sc://host/;=geheim")]
    [DataRow("geheim")]
    public void Parse_RefusesWithoutRepeatingTheToken(string text)
    {
        var error = Assert.ThrowsExactly<MlNetCifarException>(() => SparkConnection.Parse(text));
        Assert.AreEqual("MNC6020", error.Code);
        Assert.IsFalse(error.ToString().Contains("geheim", StringComparison.Ordinal), error.Message);
    }

    [TestMethod]
    public void ToString_HidesTheToken() =>
        Assert.AreEqual("sc://h:15002/;use_ssl=true;user_id=u;token=***", SparkConnection.Parse("sc://h/;token=geheim;user_id=u").ToString());

    [TestMethod]
    public void Options_HideTheTokenOfTheirMaster()
    {
        const string master = "sc://h/;token=geheim";
        object[] options =
        [
            new SparkPrepareOptions { Input = "in", Output = "out", Master = master },
            new HdfsImportOptions { Source = "in", Target = "hdfs://h/out", PackParquet = true },
            new SparkDoctorOptions { Master = master },
            new WebHdfsOptions { NameNodes = [new("http://h:1")], DelegationToken = "geheim" },
        ];
        foreach (var o in options)
        {
            Assert.IsFalse(o.ToString()!.Contains("geheim", StringComparison.Ordinal), o.ToString());
            StringAssert.Contains(o.ToString(), "h");
        }
    }

    [TestMethod]
    [DataRow("sc:/h;token=geheim")]
    [DataRow("spark://h;token=geheim")]
    public async Task UnknownMaster_IsNamedWithoutItsToken(string master)
    {
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(
            () => SparkPrepare.RunAsync(new() { Input = "in", Output = "out", Master = master }));
        Assert.AreEqual("MNC6041", error.Code);
        Assert.IsFalse(error.ToString().Contains("geheim", StringComparison.Ordinal), error.Message);
    }
}
