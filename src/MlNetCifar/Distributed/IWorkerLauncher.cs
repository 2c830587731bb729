using System.Net;

namespace MlNetCifar.Distributed;

/// <summary>
/// Starts and ends the workers of a run, wherever that is: each begins with a line of address and token, as they were given here with a blank between them, with which it calls <see cref="Experiment.RunWorker"/>, or <see cref="Sweep.RunWorker"/> for a sweep's. Used by one run, one thread at a time;
/// disposed with it.
/// </summary>
public interface IWorkerLauncher : IDisposable
{
    /// <summary>Where they run, as said behind their number, for example <c> on Spark, sc://host:port</c>. The default is nothing, this machine.</summary>
    string Where => "";

    /// <summary>The address of this machine that the run listens on, and that workers dial; port 0 for one that the system chooses. The default is the loopback address.</summary>
    IPEndPoint Listen => new(IPAddress.Loopback, 0);

    /// <summary>Threads of each worker, ≥ 1; null (the default) where they run on this machine, whose cores they share.</summary>
    int? Threads => null;

    /// <summary>Gets ready to start workers, and waits where there is no room for all of them yet. The default does nothing.</summary>
    /// <param name="workers">How many will be started, ≥ 1.</param>
    /// <param name="limit">Longest wait.</param>
    /// <param name="say">Told what is waited for.</param>
    /// <param name="cancellation">Ends the wait.</param>
    /// <exception cref="MlNetCifarException">There is no room for all of them, or no place at all.</exception>
    void Prepare(int workers, TimeSpan limit, Action<string> say, CancellationToken cancellation)
    {
    }

    /// <summary>How many more there is room for now, besides those that were started and have not ended; null (the default) where it is never known. Asked every few seconds, on a thread of its own, while others are called.</summary>
    int? FindRoom() => null;

    /// <summary>Starts one, without waiting for it.</summary>
    /// <param name="worker">Which, from 0; an earlier one of that number has been ended.</param>
    /// <param name="address">Where it is to dial.</param>
    /// <param name="token">What it is to say there, good for one connection; where the run encrypts, followed by a blank and the fingerprint of its certificate.</param>
    void Start(int worker, IPEndPoint address, string token);

    /// <summary>The last line that one has left where its launcher reads them, as <see cref="Sweep.RunWorker"/> gives it; null (the default) for none.</summary>
    /// <param name="worker">Which, from 0; it has ended.</param>
    string? Said(int worker) => null;

    /// <summary>Why one has ended by itself; null where it has not, as far as is known.</summary>
    /// <param name="worker">Which, from 0.</param>
    Exception? Ended(int worker);

    /// <summary>Ends one that is of no use any more; nothing happens where it has ended.</summary>
    /// <param name="worker">Which, from 0.</param>
    void End(int worker);
}
