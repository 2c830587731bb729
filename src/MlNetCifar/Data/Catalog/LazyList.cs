using System.Collections;

namespace MlNetCifar.Data;

/// <summary>A list that holds none of its items but makes each when it is asked for.</summary>
/// <param name="count">Number of items.</param>
/// <param name="item">Makes one; thread-safe where the list is to be.</param>
internal sealed class LazyList<T>(int count, Func<int, T> item) : IReadOnlyList<T>
{
    public int Count => count;

    public T this[int index] => (uint)index < (uint)count ? item(index) : throw new ArgumentOutOfRangeException(nameof(index));

    public IEnumerator<T> GetEnumerator()
    {
        for (var i = 0; i < count; i++)
            yield return item(i);
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
