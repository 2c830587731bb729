using MlNetCifar.App.Cli;
using OpenTelemetry;
using OpenTelemetry.Exporter;
using OpenTelemetry.Metrics;
using OpenTelemetry.Resources;
using OpenTelemetry.Trace;

namespace MlNetCifar.App.Commands;

/// <summary>Sends metrics and spans of the server to a collector, by OTLP over HTTP. What is left is sent when it is disposed.</summary>
internal sealed class ServeTelemetry : IDisposable
{
    const string Source = "MlNetCifar.Server";

    readonly MeterProvider _metrics;
    readonly TracerProvider _spans;

    /// <param name="collector">Its address; signals go to /v1/metrics and /v1/traces below it.</param>
    public ServeTelemetry(Uri collector)
    {
        var resource = ResourceBuilder.CreateDefault().AddService("mlnetcifar", serviceVersion: CommandLine.Version);
        _metrics = Sdk.CreateMeterProviderBuilder().SetResourceBuilder(resource).AddMeter(Source).AddOtlpExporter(options => Send(options, collector, "metrics")).Build();
        _spans = Sdk.CreateTracerProviderBuilder().SetResourceBuilder(resource).AddSource(Source, "Microsoft.AspNetCore").AddOtlpExporter(options => Send(options, collector, "traces")).Build();
    }

    public void Dispose()
    {
        _spans.Dispose();
        _metrics.Dispose();
    }

    static void Send(OtlpExporterOptions options, Uri collector, string signal) =>
        (options.Protocol, options.Endpoint) = (OtlpExportProtocol.HttpProtobuf, new Uri($"{collector.AbsoluteUri.TrimEnd('/')}/v1/{signal}"));
}
