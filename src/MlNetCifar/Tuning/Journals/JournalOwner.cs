using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;

namespace MlNetCifar.Tuning;

/// <summary>Who works at a trial: a sweep in a process of a machine.</summary>
/// <param name="Id">Of the sweep.</param>
/// <param name="Machine">Name of the machine.</param>
/// <param name="Process">Number of the process.</param>
/// <param name="Started">When the process began: numbers are given again.</param>
internal sealed record JournalOwner(string Id, string Machine, int Process, DateTimeOffset Started)
{
    static readonly ConcurrentDictionary<string, bool> s_working = new();

    /// <summary>A new sweep of this process, until <see cref="End"/>.</summary>
    public static JournalOwner OfThis()
    {
        using var process = System.Diagnostics.Process.GetCurrentProcess();
        var owner = new JournalOwner($"{Guid.NewGuid():N}", Environment.MachineName, process.Id, process.StartTime.ToUniversalTime());
        s_working[owner.Id] = true;
        return owner;
    }

    public void End() => s_working.TryRemove(Id, out _);

    /// <summary>Whether it works no more; null where that cannot be known from here: it is on another machine.</summary>
    public bool? IsDead()
    {
        if (Machine != Environment.MachineName)
            return null;
        if (Process == Environment.ProcessId)
            return !s_working.ContainsKey(Id);
        try
        {
            using var process = System.Diagnostics.Process.GetProcessById(Process);
            return (process.StartTime.ToUniversalTime() - Started.UtcDateTime).Duration() > TimeSpan.FromSeconds(5);
        }
        catch (Exception e) when (e is ArgumentException or InvalidOperationException)
        {
            return true;
        }
    }

    public static JournalOwner Read(JsonElement json) =>
        new(json.GetProperty("id").GetString()!, json.GetProperty("machine").GetString()!, json.GetProperty("process").GetInt32(), json.GetProperty("started").GetDateTimeOffset());

    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject("owner");
        json.WriteString("id", Id);
        json.WriteString("machine", Machine);
        json.WriteNumber("process", Process);
        json.WriteString("started", Started);
        json.WriteEndObject();
    }
}
