using MlNetCifar.Imaging;
using MlNetCifar.Numerics;

namespace MlNetCifar.Data;

/// <summary>An image file for a shard.</summary>
/// <param name="Name">Relative path, as it will stand in the list of files.</param>
/// <param name="Label">Class index.</param>
/// <param name="Read">Gives the whole file; called once, from any thread. An I/O error makes it a bad file.</param>
public sealed record ShardInput(string Name, int Label, Func<ReadOnlyMemory<byte>> Read);

/// <summary>
/// Builds one part: the stretch image files → decoded, preprocessed rows. The same code runs here and in an executor. A part of up to 64 MiB of pixels
/// is built in memory, a larger one in the system's temporary folder. The result depends on the inputs and the options, not on the threads. Thread-safe.
/// </summary>
/// <param name="options">Specification, limits, element type and threads.</param>
public sealed class ShardBuilder(ShardOptions options)
{
    readonly Preprocessor _preprocessor = new(options.Spec, options.Decode);

    PartMemory? _spare;

    ShardOptions Options => options;

    /// <summary>
    /// Pixels, in bytes, up to which a part is built in memory; names have an eighth of it. It is the default size of parts, so that those never
    /// take the way over a disk, and leaves a worker well below 250 MB.
    /// </summary>
    internal int MemoryBytes { get; init; } = 64 << 20;

    /// <summary>Where larger parts are built.</summary>
    internal string TemporaryFolder { get; init; } = Path.GetTempPath();

    /// <summary>Decodes and preprocesses images into rows, in their order; those that cannot be read are left out and listed.</summary>
    /// <param name="count">Number of inputs.</param>
    /// <param name="inputs">Enumerated by one thread at a time, only as fast as images are decoded.</param>
    /// <param name="onImage">Called after every image, from any thread, with whether it was bad; may be null.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="MlNetCifarException">An image is bad and the options ask to fail, or the temporary folder cannot hold a large part (MNC1025).</exception>
    public ShardPart Build(int count, IEnumerable<ShardInput> inputs, Action<bool>? onImage = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentNullException.ThrowIfNull(inputs);
        using var enumerator = inputs.GetEnumerator();
        return Filled(count, part =>
        {
            var build = new Rows(this, part, enumerator, onImage, cancellation);
            if (options.Threads == 1)
            {
                build.Work();
            }
            else
            {
                using var pool = new WorkerPool(options.Threads);
                var job = new Job(build);
                pool.Run(ref job, options.Threads);
            }

            build.Finish();
        });
    }

    /// <summary>Builds one part from pictures that are already preprocessed.</summary>
    /// <param name="source">Of the specification's size.</param>
    /// <param name="indices">The part's rows.</param>
    internal ShardPart Build(ImageSource source, int[] indices) => Filled(indices.Length, part =>
    {
        var scratch = part.Rows.NewScratch();
        foreach (var index in indices)
        {
            var row = part.Add(source.Name(index), source.Label(index));
            var place = part.Rows.Place(row, scratch);
            source.CopyPixels(index, place);
            part.Rows.Keep(row, place);
        }
    });

    /// <summary>Disposes of a part and keeps its memory for the next one.</summary>
    /// <param name="part">One that this builder has built; not to be used any more.</param>
    public void Recycle(ShardPart part)
    {
        ArgumentNullException.ThrowIfNull(part);
        part.Dispose();
        Interlocked.Exchange(ref _spare, part.Memory);
    }

    ShardPart Filled(int count, Action<ShardPart> fill)
    {
        var stride = options.Spec.Length;
        var memory = Interlocked.Exchange(ref _spare, null) ?? new();
        // Parts made to measure may exceed the measure by a row.
        var rows = (count - 1L) * stride < MemoryBytes
            ? new RowBuffer(stride, count, memory.Rows)
            : new RowBuffer(stride, new TemporaryFile(TemporaryFolder, (long)count * stride));
        var part = new ShardPart(rows, new SpillStream(MemoryBytes / 8, TemporaryFolder, memory.Names), memory, count, options);
        try
        {
            fill(part);
            return part;
        }
        catch
        {
            part.Dispose();
            throw;
        }
    }

    readonly struct Job(Rows rows) : IParallelJob
    {
        public void Execute(int block, int worker) => rows.Work();
    }

    sealed class Rows(ShardBuilder builder, ShardPart part, IEnumerator<ShardInput> inputs, Action<bool>? onImage, CancellationToken cancellation)
    {
        readonly Lock _gate = new();
        Exception? _failure;

        public void Work()
        {
            try
            {
                var scratch = part.Rows.NewScratch();
                while (_failure is null && !cancellation.IsCancellationRequested && TryTake(out var row, out var input))
                {
                    var place = part.Rows.Place(row, scratch);
                    var fault = Read(input, place);
                    if (fault is null)
                        part.Rows.Keep(row, place);
                    else
                        Refuse(row, input, fault);
                    onImage?.Invoke(fault is not null);
                }
            }
            catch (Exception e)
            {
                _failure = e;
            }
        }

        public void Finish()
        {
            cancellation.ThrowIfCancellationRequested();
            if (_failure is not null)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
        }

        bool TryTake(out int row, out ShardInput input)
        {
            lock (_gate)
            {
                (row, input) = (0, null!);
                if (part.IsFull || !inputs.MoveNext())
                    return false;
                input = inputs.Current;
                row = part.Add(input.Name, input.Label);
                return true;
            }
        }

        Exception? Read(ShardInput input, Span<byte> destination)
        {
            ReadOnlyMemory<byte> file;
            try
            {
                file = input.Read();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or InvalidDataException or MlNetCifarException)
            {
                return e;
            }

            return ImageReading.Read(file.Span, builder._preprocessor, input.Name, destination);
        }

        void Refuse(int row, ShardInput input, Exception fault)
        {
            var bad = ImageReading.Require(input.Name, fault);
            if (builder.Options.OnBadImage == OnBadImage.Fail)
                throw DataErrors.BadImage(bad, fault);
            lock (_gate)
                part.Refuse(row, bad);
        }
    }
}
