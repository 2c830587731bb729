using MlNetCifar.App.Cli;
using MlNetCifar.App.Commands.Clusters;
using MlNetCifar.App.Runs;
using MlNetCifar.Spark;
using Spectre.Console;

namespace MlNetCifar.App.Commands.Inspect;

/// <summary>Examines what the image stage needs of Spark and HDFS.</summary>
internal sealed class DoctorSparkCommand() : Verb(
    "spark", "Examine Java, Spark, HDFS and the worker, up to a row through an executor; name the cure. Exit code 1 on faults.")
{
    static readonly OptionDescription<string?> s_hdfs = OptionDescription.Text("hdfs", "FOLDER", "A folder on HDFS that may be written", group: "Spark and HDFS");
    static readonly OptionDescription<TimeSpan> s_timeout = OptionDescription.Of(
        "timeout", "TIME", "Longest time for each check", OptionText.Limit, TimeSpan.FromSeconds(30));

    protected override IEnumerable<OptionDescription> OwnOptions => [ClusterOptions.Server, s_hdfs, ClusterOptions.Worker, s_timeout];

    public override IReadOnlyList<string> Examples => ["--master sc://127.0.0.1:15002 --hdfs hdfs:///tmp"];

    public override string Note => "Without --hdfs the file system of HADOOP_CONF_DIR is examined, in its folder /tmp.";

    public override int Run(Call call)
    {
        var hadoop = ClusterOptions.Hadoop(call);
        Unpack(call);
        var checks = SparkDoctor.RunAsync(new()
        {
            Master = call.Get(ClusterOptions.Server),
            HdfsFolder = call.Get(s_hdfs) ?? (hadoop.DefaultFileSystem is null && !ClusterOptions.IsHadoopGone(call) ? null : "hdfs:///tmp"),
            WorkerPath = call.Get(ClusterOptions.Worker),
            Timeout = call.Get(s_timeout),
            Hadoop = hadoop,
        }, call.Stop).GetAwaiter().GetResult();
        var table = new Table().Border(TableBorder.Simple).AddColumns("Check", "Result", "Found");
        foreach (var check in checks)
        {
            table.AddRow(check.Name, State(check), Markup.Escape(check.Finding));
            if (check.Cure is not null)
                table.AddRow("", "cure", Markup.Escape(check.Cure));
            if (call.Json)
                JsonLine.Write(call.Terminal.Out, json =>
                {
                    json.WriteString("check", check.Name);
                    json.WriteString("result", State(check));
                    json.WriteString("found", check.Finding);
                    json.WriteString("cure", check.Cure);
                });
        }

        if (!call.Json)
            call.Terminal.Tables.Write(table);
        return checks.Any(c => c.IsHealthy == false) ? ExitCodes.Failure : ExitCodes.Ok;
    }

    // The first look for a runtime may have to unpack one, longer than a check may take.
    static void Unpack(Call call)
    {
        try
        {
            ClusterView.Runtime(call);
        }
        catch (MlNetCifarException)
        {
            // A check says so.
        }
    }

    static string State(SparkCheck check) => check.IsHealthy switch
    {
        true => "good",
        false => "fault",
        null => "left out",
    };
}
