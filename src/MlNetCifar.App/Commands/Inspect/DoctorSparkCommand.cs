using MlNetCifar.App.Cli;
using MlNetCifar.App.Runs.Storage;
using MlNetCifar.Spark;
using Spectre.Console;

namespace MlNetCifar.App.Commands.Inspect;

/// <summary>Examines what the image stage needs of Spark and HDFS.</summary>
internal sealed class DoctorSparkCommand() : Verb("spark", "Examine Java, Spark, HDFS and the worker, up to a row through an executor; name the cure. Exit code 1 on faults.")
{
    static readonly Setting<string?> s_hdfs = Cli.Settings.Text("hdfs", "FOLDER", "A folder on HDFS that may be written", group: "Spark and HDFS");
    static readonly Setting<TimeSpan> s_timeout = Cli.Settings.Of("timeout", "TIME", "Longest time for each check", ClusterSettings.Limit, TimeSpan.FromSeconds(30));

    protected override IEnumerable<Setting> OwnSettings => [ClusterSettings.Server, s_hdfs, ClusterSettings.Worker, s_timeout];

    public override IReadOnlyList<string> Examples => ["--master sc://127.0.0.1:15002 --hdfs hdfs:///tmp"];

    public override string Note => "Without --hdfs the file system of HADOOP_CONF_DIR is examined, in its folder /tmp.";

    public override int Run(Call call)
    {
        var hadoop = ClusterSettings.Hadoop(call);
        var checks = SparkDoctor.RunAsync(new()
        {
            Master = call.Get(ClusterSettings.Server),
            HdfsFolder = call.Get(s_hdfs) ?? (hadoop.DefaultFileSystem is null ? null : "hdfs:///tmp"),
            WorkerPath = call.Get(ClusterSettings.Worker),
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

    static string State(SparkCheck check) => check.IsHealthy switch
    {
        true => "good",
        false => "fault",
        null => "left out",
    };
}
