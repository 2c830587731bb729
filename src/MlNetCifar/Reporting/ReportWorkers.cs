namespace MlNetCifar.Reporting;

/// <summary>What one of several processes did for a run.</summary>
/// <param name="Name">Its number, from 1; of those started in one's place, the same.</param>
/// <param name="Done">Slices, models or batches computed.</param>
/// <param name="BytesSent">To it.</param>
/// <param name="BytesReceived">From it.</param>
/// <param name="BytesPassed">From it to other workers.</param>
/// <param name="BytesAhead">Of sums, from it to the run or to other workers while it computed still.</param>
/// <param name="SecondsWaited">For work.</param>
/// <param name="Lost">Why and when it was lost; null where it was not.</param>
internal sealed record ReportWorker(int Name, long Done, long BytesSent, long BytesReceived, long BytesPassed, long BytesAhead, double SecondsWaited, string? Lost);

/// <summary>How a run was shared by several processes.</summary>
/// <param name="Summary">Mode and place, in words.</param>
/// <param name="Unit">What they computed: slices, models or batches.</param>
/// <param name="All">Lost ones, too.</param>
/// <param name="Staleness">How many gradients, or models, were how stale, the first of fresh weights; empty where they were not taken as they came.</param>
/// <param name="HandedOver">Slices that others did for lost ones.</param>
/// <param name="Rehearsal">What a rehearsal of faults came to; null for none.</param>
internal sealed record ReportWorkers(string Summary, string Unit, IReadOnlyList<ReportWorker> All, IReadOnlyList<long> Staleness, int HandedOver, string? Rehearsal);
