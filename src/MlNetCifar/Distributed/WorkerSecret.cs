using System.Security.Cryptography;
using System.Text;

namespace MlNetCifar.Distributed;

/// <summary>What a run and its workers know and nobody else. It is never sent: both sides prove that they know it.</summary>
internal sealed class WorkerSecret
{
    /// <summary>Names the file of the secret, to a run and to its workers.</summary>
    public const string Variable = "MLNETCIFAR_WORKER_SECRET";

    /// <summary>Fewest characters: who has seen a proof may try shorter ones one after the other.</summary>
    const int Least = 16;

    readonly byte[] _key;

    /// <summary>Takes a secret.</summary>
    /// <param name="text">At least 16 characters.</param>
    public WorkerSecret(string text) => _key = Encoding.UTF8.GetBytes(text);

    /// <summary>Reads the secret in a file, without the blanks around it.</summary>
    /// <exception cref="MlNetCifarException">It cannot be read, or is too short (MNC3318).</exception>
    public static WorkerSecret Read(string path)
    {
        string text;
        try
        {
            text = File.ReadAllText(path).Trim();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw DistributedErrors.NoSecret(path, e.Message.TrimEnd('.'), e);
        }

        return text.Length >= Least ? new(text) : throw DistributedErrors.NoSecret(path, FormattableString.Invariant($"it holds {text.Length} characters, expected at least {Least}"));
    }

    /// <summary>The secret of this machine; null where the variable names none.</summary>
    public static WorkerSecret? OfThisMachine() => Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } path ? Read(path) : null;

    /// <summary>Proves to the other side of one connection that the secret is known.</summary>
    /// <param name="side">Who proves it: neither can send the other's proof back.</param>
    /// <param name="certificate">By which the connection is encrypted: who stands between the two has another one.</param>
    /// <param name="token">Of the connection: a proof is good for it alone.</param>
    public string Proof(string side, string certificate, string token) => Convert.ToHexStringLower(HMACSHA256.HashData(_key, Encoding.UTF8.GetBytes($"{side} {certificate} {token}")));

    /// <summary>Whether a proof is one.</summary>
    public bool IsProof(string? proof, string side, string certificate, string token) =>
        proof is not null && CryptographicOperations.FixedTimeEquals(Encoding.UTF8.GetBytes(proof), Encoding.UTF8.GetBytes(Proof(side, certificate, token)));
}

/// <summary>What a worker was given to come to its run with.</summary>
/// <param name="Token">By which the run knows it.</param>
/// <param name="Certificate">Fingerprint of that of the run; null where nothing is encrypted.</param>
/// <param name="Secret">What both must know; null for nothing.</param>
internal sealed record Invitation(string Token, string? Certificate, WorkerSecret? Secret)
{
    public const string OfWorker = "worker";

    public const string OfRun = "run";

    /// <summary>Proves to the other side that the secret is known; null where there is none.</summary>
    /// <param name="side">Who proves it.</param>
    public string? Proof(string side) => Certificate is null ? null : Secret?.Proof(side, Certificate, Token);

    /// <summary>Whether the other side has proved that it knows the secret, where there is one.</summary>
    /// <param name="proof">What it says.</param>
    /// <param name="side">Who it is.</param>
    public bool IsProof(string? proof, string side) => Secret is null || (Certificate is not null && Secret.IsProof(proof, side, Certificate, Token));
}
