using MlNetCifar.Training;

namespace MlNetCifar.Distributed;

/// <summary>
/// Batches whose slices wait for one another: their sums are added when all are there, and all who have sent some get the total. Whoever is lost in the middle of it holds up all others, who have then
/// computed in vain: the batch is begun again among those that are left.
/// </summary>
internal sealed partial class WorkerGroup
{
    SharedSum? _sum;

    /// <summary>Adds sums of a worker's slices, and waits for those of the others.</summary>
    /// <returns>The total; null where the batch was abandoned.</returns>
    internal double[]? Sum(Assignment assignment, SumsHead head, double[] values)
    {
        var slices = assignment.Work.Slices;
        lock (_gate)
        {
            if (assignment.IsAbandoned)
                return null;
            if ((head.Ticket, head.Point, head.First, head.Count) != (assignment.Ticket, assignment.Point, assignment.Next, assignment.End - assignment.Next) || values.Length % Math.Max(1, head.Count) != 0)
                throw new InvalidDataException(FormattableString.Invariant(
                    $"a worker sends sums {head.Point} of {head.Count} slices from {head.First}, expected {assignment.Point} of those from {assignment.Next} to {assignment.End - 1}"));
            var length = values.Length / head.Count;
            if (_sum is not { Total: null })
                _sum = new(slices, length);
            var sum = _sum;
            if (sum.Length != length)
                throw new InvalidDataException(FormattableString.Invariant($"a worker sends {length} sums of a slice where others send {sum.Length}"));
            assignment.Point++;
            sum.Add(head.First, values);
            if (sum.Total is not null)
                Monitor.PulseAll(_gate);
            while (sum.Total is null && !assignment.IsAbandoned && !_ending)
                Monitor.Wait(_gate);
            return sum.Total;
        }
    }

    /// <summary>Begins a batch again, in the middle of which a worker was lost.</summary>
    void BeginAgain(Work work)
    {
        work.Ticket = ++_ticket;
        foreach (var member in _members)
            member.Assignments.Clear();
        foreach (var sum in _arrived)
            work.Tree!.Return(sum);
        _arrived.Clear();
        (_sum, _answered) = (null, 0);
        _orphans.Enqueue((0, work.Slices));
    }

    /// <summary>Sums of all slices at one point of a batch.</summary>
    sealed class SharedSum(int slices, int length)
    {
        readonly double[] _values = new double[slices * length];
        int _missing = slices;

        public int Length => length;

        /// <summary>Null until all slices are there.</summary>
        public double[]? Total { get; private set; }

        public void Add(int first, double[] values)
        {
            values.CopyTo(_values, first * length);
            _missing -= values.Length / length;
            if (_missing > 0)
                return;
            var total = new double[length];
            TreeSums.Own.Sum(0, _values, total);
            Total = total;
        }
    }
}
