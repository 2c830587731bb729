using System.Net;
using System.Net.Sockets;
using System.Security.Cryptography;
using MlNetCifar.Data;
using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>What a group of workers is.</summary>
internal sealed record WorkerGroupOptions
{
    /// <summary>How many, ≥ 1.</summary>
    public required int Workers { get; init; }

    /// <summary>Threads of each, ≥ 1.</summary>
    public int Threads { get; init; } = 1;

    /// <summary>Longest that a worker may take for an answer; who takes longer is lost.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromMinutes(1);

    /// <summary>Longest that workers may take to come and open the data.</summary>
    public TimeSpan JoinTime { get; init; } = TimeSpan.FromMinutes(10);

    /// <summary>Updates that others may make while a gradient is computed; null for twice the number of workers.</summary>
    public int? MaxStaleness { get; init; }

    /// <summary>How often a lost worker is started again.</summary>
    public int Restarts { get; init; } = 2;

    /// <summary>How many there may be when others have joined, where there is room for them; null (the default) for <see cref="Workers"/>.</summary>
    public int? MaxWorkers { get; init; }

    /// <summary>How often it is asked whether there is room.</summary>
    public TimeSpan Look { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Where workers dial.</summary>
    public IPEndPoint Listen { get; init; } = new(IPAddress.Loopback, 0);

    /// <summary>Ports that workers listen on for each other, to make the steps of the synchronous mode among themselves; null (the default) for everything to go through the run.</summary>
    public PortRange? PeerPorts { get; init; }

    /// <summary>What workers must know, all being encrypted then; null (the default) for plain connections.</summary>
    public WorkerSecret? Secret { get; init; }

    /// <summary>What goes wrong; null (the default) where nothing is rehearsed.</summary>
    public ChaosPlan? Chaos { get; init; }

    /// <summary>Told what is waited for before the run has begun; null (the default) where nobody listens.</summary>
    public Action<string>? Say { get; init; }

    /// <summary>How workers open the data: names and texts of options.</summary>
    public IReadOnlyDictionary<string, string> Arguments { get; init; } = new Dictionary<string, string>();
}

/// <summary>
/// The workers of a run, which dial it. Every step they get weights and running statistics, and answer with the sums of their slices, so that none of them holds anything that
/// would be lost with it: what a lost worker has not answered is given to the others, and one that comes later is given work at the next step. What is trained lies in the run alone.
/// </summary>
/// <param name="launcher">Starts and ends workers.</param>
/// <param name="options">How many, and how.</param>
internal sealed partial class WorkerGroup(IWorkerLauncher launcher, WorkerGroupOptions options) : ISliceWorkers, IDisposable
{
    /// <summary>Strangers that may knock at the same time; further ones are turned away.</summary>
    const int MostStrangers = 16;

    static readonly TimeSpan s_greeting = TimeSpan.FromSeconds(10);
    static readonly TimeSpan s_look = TimeSpan.FromMilliseconds(50);

    // A plain object: Monitor's wait and pulse need it.
    readonly object _gate = new();
    readonly List<Member> _members = [];
    readonly Queue<Member> _lost = new();
    readonly List<Thread> _threads = [];
    readonly List<MemberConnection> _connections = [];
    readonly LineIdentity? _identity = options.Secret is null ? null : new();
    TcpListener? _listener;
    Welcome? _welcome;
    TrainingRun? _run;
    int _strangers;
    int _room;
    bool _ending;

    /// <summary>Where workers dial.</summary>
    public IPEndPoint Address => (IPEndPoint)_listener!.LocalEndpoint;

    /// <summary>Slices that were handed over from lost workers.</summary>
    public int HandedOver { get; private set; }

    /// <summary>What each worker has done so far, lost ones too.</summary>
    public IReadOnlyList<WorkerFigures> Figures
    {
        get
        {
            lock (_gate)
                return [.. _members.Select(member => member.Figures)];
        }
    }

    public void Begin(TrainingRun run, ImageSource train, CancellationToken cancellation)
    {
        if (run.Options.Slices < 2 && !run.Options.IsServed)
            throw DistributedErrors.FewSlices(run.Options.Slices, run.Options.SyncBatchNorm);
        _run = run;
        _viaRun |= run.Options.DistributedMode != DistributedMode.Synchronous;
        _isBounded = run.Options.DistributedMode == DistributedMode.Asynchronous;
        _welcome = new Welcome(
            run.Network, run.Options, run.Normalization, DataCheck.Of(train), run.Distillation?.Stamp, options.Threads, options.Arguments)
        {
            PeerPorts = _viaRun ? null : options.PeerPorts,
        };
        launcher.Prepare(options.Workers, options.JoinTime, options.Say ?? (_ => { }), cancellation);
        Listen();
        for (var worker = 0; worker < options.Workers; worker++)
            Launch(worker, 0);
        Wait(cancellation);
        if (options.MaxWorkers > options.Workers)
            Start("room", FindRoom);
    }

    public void Dispose()
    {
        End();
        launcher.Dispose();
        _identity?.Dispose();
    }

    /// <summary>Whether all is over.</summary>
    internal bool IsEnding
    {
        get
        {
            lock (_gate)
                return _ending;
        }
    }

    /// <summary>Notes what work a worker was sent.</summary>
    /// <param name="member">The worker.</param>
    /// <param name="step">Its step, from 0.</param>
    internal void Sent(Member member, long step) => options.Chaos?.Sent(member.Worker, step + 1);

    /// <summary>Notes what was sent and received.</summary>
    internal void Count(Member member, long sent, long received)
    {
        lock (_gate)
            member.Figures = member.Figures with { BytesSent = member.Figures.BytesSent + sent, BytesReceived = member.Figures.BytesReceived + received };
    }

    void Listen()
    {
        var listener = new TcpListener(options.Listen);
        try
        {
            listener.Start();
        }
        catch (SocketException e)
        {
            listener.Dispose();
            throw DistributedErrors.PortTaken(options.Listen, e);
        }

        _listener = listener;
        Start("door", Accept);
    }

    void Launch(int worker, int restarts)
    {
        var member = new Member(worker, restarts, Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(32)));
        lock (_gate)
            _members.Add(member);
        launcher.Start(worker, Address, _identity is null ? member.Token : $"{member.Token} {_identity.Fingerprint}");
    }

    /// <summary>Waits until every worker is ready or lost.</summary>
    void Wait(CancellationToken cancellation)
    {
        lock (_gate)
        {
            while (IsAnyComing())
            {
                cancellation.ThrowIfCancellationRequested();
                Monitor.Wait(_gate, s_look);
            }

            if (!_members.Any(m => m.State == MemberState.Ready))
                throw Cause() ?? DistributedErrors.NobodyCame(options.Workers, Reasons());
        }

        foreach (var member in Figures.Where(m => m.Lost is not null))
        {
            launcher.End(member.Worker);
            _run!.Warn(FormattableString.Invariant($"worker {member.Worker + 1} did not get ready ({member.Lost}); the others do its work"));
        }

        lock (_gate)
            _lost.Clear();
    }

    void Accept()
    {
        while (!IsEnding)
        {
            try
            {
                var socket = _listener!.AcceptSocket();
                lock (_gate)
                {
                    if (_strangers++ < MostStrangers)
                    {
                        Start("worker", () => Greet(socket));
                        continue;
                    }

                    _strangers--;
                }

                socket.Dispose();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
            {
                // The door was closed, or somebody left before it was opened; where the system has no room for another, there may be some later.
                Thread.Sleep(s_look);
            }
        }
    }

    /// <summary>One connection, from its first word to its last.</summary>
    void Greet(Socket socket)
    {
        using var connection = new MemberConnection(this, socket, options.Timeout, _identity);
        var stranger = true;
        Member? member = null;
        try
        {
            lock (_gate)
            {
                if (_ending)
                    return;
                _connections.Add(connection);
            }

            member = Know(connection.Introduction(s_greeting));
            (stranger, connection.Member) = (false, member);
            Leave();
            connection.Welcome((_welcome! with { Chaos = options.Chaos?.For(member.Worker, member.Restarts), Proof = InvitationOf(member).Proof(Invitation.OfRun) }).ToJson(), options.JoinTime);
            lock (_gate)
            {
                (member.State, member.Address, member.Connection) = (MemberState.Ready, connection.Address, connection);
                Monitor.PulseAll(_gate);
            }

            connection.Serve();
        }
        catch (Exception e)
        {
            // Whatever went wrong is the end of one worker; on this thread it would be that of the process.
            if (member is null)
                connection.Refuse(e);
            else
                Lose(member, e);
        }
        finally
        {
            if (stranger)
                Leave();
            lock (_gate)
                _connections.Remove(connection);
        }

        void Leave()
        {
            lock (_gate)
                _strangers--;
        }
    }

    /// <summary>The member that somebody is, who is thereby no stranger.</summary>
    /// <exception cref="MlNetCifarException">It is nobody, or not as it should be.</exception>
    Member Know(Hello hello)
    {
        var token = System.Text.Encoding.UTF8.GetBytes(hello.Token);
        lock (_gate)
        {
            var member = _members.Find(m => m.State == MemberState.Expected && CryptographicOperations.FixedTimeEquals(System.Text.Encoding.UTF8.GetBytes(m.Token), token))
                ?? throw DistributedErrors.WrongToken();
            var fault = InvitationOf(member).IsProof(hello.Proof, Invitation.OfWorker) ? hello.Fault : DistributedErrors.WrongSecret("The worker");
            if (fault is not null)
            {
                Lose(member, fault);
                throw fault;
            }

            member.State = MemberState.Greeted;
            return member;
        }
    }

    Invitation InvitationOf(Member member) => new(member.Token, _identity?.Fingerprint, options.Secret);

    void Lose(Member member, Exception cause)
    {
        member.Cause = cause as MlNetCifarException;
        Lose(member, cause is SocketException { SocketErrorCode: SocketError.TimedOut } or IOException { InnerException: SocketException { SocketErrorCode: SocketError.TimedOut } }
            ? FormattableString.Invariant($"it did not answer within {options.Timeout.TotalSeconds:0.#} s") : cause.Message.TrimEnd('.'));
    }

    void Lose(Member member, string reason)
    {
        lock (_gate)
        {
            if (_ending || member.State == MemberState.Lost)
                return;
            member.State = MemberState.Lost;
            member.Figures = member.Figures with { Lost = reason, LostAtStep = _at };
            HandedOver += member.Assignments.Sum(assignment => assignment.End - assignment.Next);
            if (member.Assignments.Count > 0 && _work is { IsTogether: true } together)
                BeginAgain(together);
            foreach (var assignment in member.Assignments)
                _orphans.Enqueue((assignment.Next, assignment.End));
            member.Assignments.Clear();
            member.Version = null;
            Leave(member, reason);
            _lost.Enqueue(member);
            Monitor.PulseAll(_gate);
        }
    }

    /// <summary>Whether anybody that was started may still get ready; who has ended instead, or takes too long, is lost.</summary>
    bool IsAnyComing()
    {
        foreach (var member in _members.Where(m => m.State == MemberState.Expected).ToArray())
        {
            if (launcher.Ended(member.Worker) is { } reason)
                Lose(member, reason);
            else if (TimeProvider.System.GetElapsedTime(member.Started) > options.JoinTime)
                Lose(member, FormattableString.Invariant($"it did not come within {options.JoinTime.TotalSeconds:0.#} s"));
        }

        return _members.Any(m => m.IsComing);
    }

    /// <summary>Looks for room, which takes a while on a cluster.</summary>
    void FindRoom()
    {
        while (true)
        {
            lock (_gate)
            {
                var begun = TimeProvider.System.GetTimestamp();
                while (!_ending && options.Look - TimeProvider.System.GetElapsedTime(begun) is { Ticks: > 0 } left)
                    Monitor.Wait(_gate, left);
                if (_ending)
                    return;
            }

            int? room;
            try
            {
                room = launcher.FindRoom();
            }
            catch (Exception e) when (e is MlNetCifarException or IOException or InvalidOperationException or OperationCanceledException)
            {
                // A cluster that does not answer now may answer later, and the run does not need it for this.
                continue;
            }

            if (room is null)
                return;
            lock (_gate)
                _room = room.Value;
        }
    }

    /// <summary>Starts workers for which there is room.</summary>
    void Grow()
    {
        int first, more;
        lock (_gate)
        {
            first = _members.Max(m => m.Worker) + 1;
            more = _room > 0 ? Math.Min(_room, (options.MaxWorkers ?? 0) - first) : 0;
            _room = 0;
        }

        for (var worker = first; worker < first + more; worker++)
        {
            options.Say?.Invoke(FormattableString.Invariant($"there is room for worker {worker + 1}, which joins"));
            Launch(worker, 0);
        }
    }

    /// <summary>Tells of workers that were lost, starts others in their place, and more where there is room.</summary>
    void Replace()
    {
        Grow();
        while (TakeLost() is { } member)
        {
            launcher.End(member.Worker);
            var again = member.Restarts < options.Restarts;
            _run!.Warn(FormattableString.Invariant(
                $"worker {member.Worker + 1} was lost at step {member.Figures.LostAtStep} ({member.Figures.Lost}); the others did its work{(again ? ", and it is started again" : "")}"));
            if (again)
                Launch(member.Worker, member.Restarts + 1);
        }

        Member? TakeLost()
        {
            lock (_gate)
                return _lost.TryDequeue(out var member) ? member : null;
        }
    }

    /// <summary>The first error that workers have named themselves: a user can act on it.</summary>
    MlNetCifarException? Cause() => _members.Select(m => m.Cause).FirstOrDefault(cause => cause is not null);

    string Reasons() => string.Join("; ", _members.Select(m => FormattableString.Invariant($"worker {m.Worker + 1}: {m.Figures.Lost ?? "it is not ready"}")));

    void Start(string name, Action work)
    {
        var thread = new Thread(() => work()) { IsBackground = true, Name = $"mlnetcifar-{name}" };
        lock (_gate)
            _threads.Add(thread);
        thread.Start();
    }

    /// <summary>Ends all connections and waits for their threads.</summary>
    void End()
    {
        Thread[] threads;
        lock (_gate)
        {
            _ending = true;
            Monitor.PulseAll(_gate);
            foreach (var connection in _connections)
                connection.Hurry();
            threads = [.. _threads];
        }

        _listener?.Stop();
        foreach (var thread in threads)
            thread.Join();
    }
}
