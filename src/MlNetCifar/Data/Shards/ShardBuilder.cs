using MlNetCifar.Data.Loading;
using MlNetCifar.Imaging;
using MlNetCifar.Numerics;

namespace MlNetCifar.Data.Shards;

/// <summary>An image file for a shard.</summary>
/// <param name="Name">Relative path, as it will stand in the list of files.</param>
/// <param name="Label">Class index.</param>
/// <param name="Read">Gives the whole file; called once, from any thread. An I/O error makes it a bad file.</param>
public sealed record ShardInput(string Name, int Label, Func<ReadOnlyMemory<byte>> Read);

/// <summary>
/// Builds one part in memory: the stretch image files → decoded, preprocessed rows. The same code runs here and in an executor.
/// The result depends on the inputs and the options, not on the threads. Thread-safe.
/// </summary>
/// <param name="options">Specification, limits, element type and threads.</param>
public sealed class ShardBuilder(ShardOptions options)
{
    readonly Preprocessor _preprocessor = new(options.Spec);

    byte[]? _spare;

    ShardOptions Options => options;

    /// <summary>Decodes and preprocesses images into rows, in their order; those that cannot be read are left out and listed.</summary>
    /// <param name="count">Number of inputs.</param>
    /// <param name="inputs">Enumerated by one thread at a time, only as fast as images are decoded.</param>
    /// <param name="onImage">Called after every image, from any thread, with whether it was bad; may be null.</param>
    /// <param name="cancellation">Ends the work.</param>
    /// <exception cref="MlNetCifarException">An image is bad and the options ask to fail.</exception>
    public ShardPart Build(int count, IEnumerable<ShardInput> inputs, Action<bool>? onImage = null, CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        ArgumentNullException.ThrowIfNull(inputs);
        using var enumerator = inputs.GetEnumerator();
        var build = new Rows(this, count, enumerator, onImage, cancellation);
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

        return build.Finish();
    }

    /// <summary>Builds one part from pictures that are already preprocessed.</summary>
    /// <param name="source">Of the specification's size.</param>
    /// <param name="indices">The part's rows.</param>
    internal ShardPart Build(ImageSource source, ReadOnlySpan<int> indices)
    {
        var stride = source.ImageLength;
        var pixels = Rent(checked(indices.Length * stride));
        var labels = new int[indices.Length];
        var names = new string[indices.Length];
        for (var i = 0; i < indices.Length; i++)
        {
            source.CopyPixels(indices[i], pixels.AsSpan(i * stride, stride));
            labels[i] = source.Label(indices[i]);
            names[i] = source.Name(indices[i]);
        }

        return new(pixels, labels, names, [], (source.Height, source.Width, source.Channels), options.Scaling);
    }

    /// <summary>Takes a part's memory back for the next one; the part must not be used any more.</summary>
    internal void Recycle(ShardPart part) => Interlocked.Exchange(ref _spare, part.Buffer);

    byte[] Rent(int length)
    {
        var spare = Interlocked.Exchange(ref _spare, null);

        // Parts of a plan differ by one row at most; the slack lets the first one's buffer serve them all.
        var slack = Math.Min(options.Spec.Length, Array.MaxLength - length);
        return spare?.Length >= length ? spare : GC.AllocateUninitializedArray<byte>(length + slack);
    }

    readonly struct Job(Rows rows) : IParallelJob
    {
        public void Execute(int block, int worker) => rows.Work();
    }

    sealed class Rows
    {
        readonly ShardBuilder _builder;
        readonly ShardOptions _options;
        readonly IEnumerator<ShardInput> _inputs;
        readonly Action<bool>? _onImage;
        readonly CancellationToken _cancellation;
        readonly Lock _gate = new();
        readonly SortedDictionary<int, BadFile> _bad = [];
        readonly byte[] _pixels;
        readonly int[] _labels;
        readonly string[] _names;
        readonly int _stride;
        int _taken;
        Exception? _failure;

        public Rows(ShardBuilder builder, int count, IEnumerator<ShardInput> inputs, Action<bool>? onImage, CancellationToken cancellation)
        {
            (_builder, _inputs, _onImage, _cancellation) = (builder, inputs, onImage, cancellation);
            var spec = builder._preprocessor.Spec;
            _options = builder.Options;
            _stride = spec.Width * spec.Height * spec.Channels;
            _pixels = builder.Rent(checked(count * _stride));
            _labels = new int[count];
            _names = new string[count];
        }

        public void Work()
        {
            try
            {
                while (_failure is null && !_cancellation.IsCancellationRequested && TryTake(out var row, out var input))
                {
                    var fault = Read(input, _pixels.AsSpan(row * _stride, _stride));
                    if (fault is not null)
                        Refuse(row, input, fault);
                    _onImage?.Invoke(fault is not null);
                }
            }
            catch (Exception e)
            {
                _failure = e;
            }
        }

        public ShardPart Finish()
        {
            _cancellation.ThrowIfCancellationRequested();
            if (_failure is not null)
                System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(_failure);
            var next = 0;
            for (var row = 0; row < _taken; row++)
            {
                if (_bad.ContainsKey(row))
                    continue;
                if (next < row)
                {
                    _pixels.AsSpan(row * _stride, _stride).CopyTo(_pixels.AsSpan(next * _stride));
                    (_labels[next], _names[next]) = (_labels[row], _names[row]);
                }

                next++;
            }

            var spec = _options.Spec;
            return new(
                _pixels, _labels[..next], _names[..next], [.. _bad.Values], (spec.Height, spec.Width, spec.Channels), _options.Scaling);
        }

        bool TryTake(out int row, out ShardInput input)
        {
            lock (_gate)
            {
                (row, input) = (_taken, null!);
                if (_taken == _labels.Length || !_inputs.MoveNext())
                    return false;
                input = _inputs.Current;
                (_labels[row], _names[row]) = (input.Label, input.Name);
                _taken++;
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

            return ImageReading.Read(file.Span, _builder._preprocessor, _options.Decode, input.Name, destination);
        }

        void Refuse(int row, ShardInput input, Exception fault)
        {
            var bad = ImageReading.Describe(input.Name, fault);
            if (_options.OnBadImage == OnBadImage.Fail)
                throw DataErrors.BadImage(bad, fault);
            lock (_gate)
                _bad[row] = bad;
        }
    }
}
