using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace MlNetCifar.Distributed;

/// <summary>By what one side of encrypted connections is known: a certificate made for this run, whose fingerprint the others are told. Nobody has to sign or to install anything.</summary>
internal sealed class LineIdentity : IDisposable
{
    /// <summary>Said in the certificate; nobody looks at it.</summary>
    const string Name = "mlnetcifar";

    readonly X509Certificate2 _certificate;

    /// <summary>Makes a certificate.</summary>
    public LineIdentity()
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var now = TimeProvider.System.GetUtcNow();
        using var made = new CertificateRequest($"CN={Name}", key, HashAlgorithmName.SHA256).CreateSelfSigned(now.AddDays(-1), now.AddYears(1));

        // Some systems encrypt only with keys that have been stored once.
        _certificate = X509CertificateLoader.LoadPkcs12(made.Export(X509ContentType.Pfx), null);
        Fingerprint = FingerprintOf(_certificate);
    }

    /// <summary>SHA-256 of the certificate, in hexadecimal digits.</summary>
    public string Fingerprint { get; }

    /// <summary>Encrypts a connection that was dialled by another.</summary>
    /// <param name="stream">Owned by what is returned.</param>
    /// <exception cref="IOException">The other side does not.</exception>
    public Stream Serve(Stream stream)
    {
        var line = new SslStream(stream);
        return Encrypt(line, () => line.AuthenticateAsServer(_certificate));
    }

    /// <summary>Encrypts a connection to another.</summary>
    /// <param name="stream">Owned by what is returned.</param>
    /// <param name="fingerprint">Of the other.</param>
    /// <exception cref="IOException">The other side does not, or is another.</exception>
    public static Stream Dial(Stream stream, string fingerprint)
    {
        var line = new SslStream(stream, leaveInnerStreamOpen: false, (_, certificate, _, _) => certificate is not null && FingerprintOf(certificate) == fingerprint);
        return Encrypt(line, () => line.AuthenticateAsClient(Name));
    }

    public void Dispose() => _certificate.Dispose();

    static Stream Encrypt(SslStream line, Action handshake)
    {
        try
        {
            handshake();
            return line;
        }
        catch (AuthenticationException e)
        {
            line.Dispose();
            throw new IOException($"the connection could not be encrypted ({e.Message.TrimEnd('.')})", e);
        }
    }

    static string FingerprintOf(X509Certificate certificate) => Convert.ToHexStringLower(SHA256.HashData(certificate.GetRawCertData()));
}
