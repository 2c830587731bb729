using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using MlNetCifar.Spark;
using MlNetCifar.Spark.Connect;
using MlNetCifar.Spark.Protos;
using MlNetCifar.Tests.Data;
using MlNetCifar.Tests.TestKit;

namespace MlNetCifar.Tests.Spark;

/// <summary>TLS and token against a small server that speaks just enough gRPC.</summary>
[TestClass]
public sealed class GrpcTlsTests
{
    const string Token = "geheim-7d1f";

    static TestFolder s_folder = null!;
    static WebApplication s_server = null!;
    static int s_port;
    static string? s_authorization;

    [ClassInitialize]
    public static async Task StartAsync(TestContext context)
    {
        s_folder = new TestFolder();
        var certificate = Certificate();
        await File.WriteAllTextAsync(s_folder["trusted.pem"], certificate.ExportCertificatePem());
        var builder = WebApplication.CreateBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.ConfigureKestrel(k => k.Listen(IPAddress.Loopback, 0, l =>
        {
            l.Protocols = HttpProtocols.Http2;
            l.UseHttps(certificate);
        }));
        s_server = builder.Build();
        s_server.MapPost("/spark.connect.SparkConnectService/{method}", AnswerAsync);
        await s_server.StartAsync();
        s_port = new Uri(s_server.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single()).Port;
    }

    [ClassCleanup]
    public static async Task StopAsync()
    {
        await s_server.DisposeAsync();
        s_folder.Dispose();
    }

    static X509Certificate2 Certificate()
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=localhost", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var names = new SubjectAlternativeNameBuilder();
        names.AddDnsName("localhost");
        names.AddIpAddress(IPAddress.Loopback);
        request.CertificateExtensions.Add(names.Build());
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(true, false, 0, true));
        using var certificate = request.CreateSelfSigned(DateTimeOffset.UtcNow.AddDays(-1), DateTimeOffset.UtcNow.AddDays(1));
        return X509CertificateLoader.LoadPkcs12(certificate.Export(X509ContentType.Pfx), null);
    }

    static async Task AnswerAsync(HttpContext context, string method)
    {
        s_authorization = context.Request.Headers.Authorization;
        context.Response.ContentType = "application/grpc";
        if (s_authorization != $"Bearer {Token}")
        {
            context.Response.Headers["grpc-status"] = "16";
            context.Response.Headers["grpc-message"] = "token%20not%20known";
            return;
        }

        var answer = new AnalyzePlanResponse { SparkVersion = new() { Version = "4.9.9" } }.ToByteArray();
        await context.Response.Body.WriteAsync(new byte[] { 0, 0, 0, 0, (byte)answer.Length });
        await context.Response.Body.WriteAsync(answer);
        context.Response.AppendTrailer("grpc-status", "0");
    }

    static SparkConnection Connection(string parameters) =>
        SparkConnection.Parse($"sc://localhost:{s_port}/;{parameters}") with { Retry = RetryPolicy.None };

    [TestMethod]
    public async Task Connect_SendsTheTokenOverTrustedTls()
    {
        await using var session = await SparkSession.ConnectAsync(Connection($"use_ssl=true;token={Token};trusted_certificates={Uri.EscapeDataString(s_folder["trusted.pem"])}"));
        Assert.AreEqual("4.9.9", session.Version);
        Assert.AreEqual($"Bearer {Token}", s_authorization);
    }

    [TestMethod]
    public async Task Connect_RefusesAStrangersCertificate_BeforeTheTokenIsSent()
    {
        s_authorization = null;
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkSession.ConnectAsync(Connection($"use_ssl=true;token={Token}")));
        Assert.AreEqual("MNC6021", error.Code);
        Assert.IsNull(s_authorization);
        Assert.IsFalse(error.ToString().Contains(Token, StringComparison.Ordinal));
    }

    [TestMethod]
    public async Task Connect_NamesARefusedToken_WithoutRepeatingIt()
    {
        var trusted = $"trusted_certificates={Uri.EscapeDataString(s_folder["trusted.pem"])}";
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkSession.ConnectAsync(Connection($"use_ssl=true;token=falsch-1;{trusted}")));
        Assert.AreEqual("MNC6022", error.Code);
        StringAssert.Contains(error.Message, "token not known");
        Assert.IsFalse(error.ToString().Contains("falsch-1", StringComparison.Ordinal));
    }

    [TestMethod]
    public async Task Connect_InClearTextToATlsServer_IsANamedError()
    {
        var error = await Assert.ThrowsExactlyAsync<MlNetCifarException>(() => SparkSession.ConnectAsync(Connection("use_ssl=false")));
        Assert.AreEqual("MNC6021", error.Code);
        StringAssert.Contains(error.Message, "TLS");
    }
}
