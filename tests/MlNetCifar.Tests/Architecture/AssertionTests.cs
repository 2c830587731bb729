using System.Reflection;

namespace MlNetCifar.Tests.Architecture;

/// <summary>A test that asserts nothing, directly or by a helper of this project, cannot fail.</summary>
[TestClass]
public sealed class AssertionTests
{
    const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    [TestMethod]
    public void EveryTest_AssertsSomething() => SourceCode.AssertNone(
        from type in typeof(AssertionTests).Assembly.GetTypes()
        from method in type.GetMethods(All)
        where method.IsDefined(typeof(TestMethodAttribute)) && !Asserts(method)
        select $"{type.Name}.{method.Name}");

    [TestMethod]
    public void TestWithoutAssertion_IsFound()
    {
        Assert.IsFalse(Asserts(((Action)Nothing).Method));
        Assert.IsFalse(Asserts(((Func<Task>)NothingLaterAsync).Method));
        Assert.IsTrue(Asserts(((Func<Task>)SomethingLaterAsync).Method));

        static void Nothing() => Assert.Inconclusive(new List<int> { 1 }.ConvertAll(i => i + 1).Count.ToString());

        static async Task NothingLaterAsync() => await Task.Yield();

        static async Task SomethingLaterAsync()
        {
            await Task.Yield();
            Array.ForEach([1], i => Assert.AreEqual(1, i));
        }
    }

    static bool Asserts(MethodBase test)
    {
        var seen = new HashSet<MethodBase> { test };
        var left = new Stack<MethodBase>(seen);
        while (left.TryPop(out var method))
        {
            foreach (var member in Dependencies.Members(method))
            {
                if (IsAssertion(member))
                    return true;
                foreach (var next in Called(member))
                    if (seen.Add(next))
                        left.Push(next);
            }
        }

        return false;
    }

    static bool IsAssertion(MemberInfo member) => member.DeclaringType?.Namespace switch
    {
        "Microsoft.VisualStudio.TestTools.UnitTesting" => member.Name != nameof(Assert.Inconclusive) && !typeof(Attribute).IsAssignableFrom(member.DeclaringType),
        "FsCheck" or "FsCheck.Fluent" => member.Name.StartsWith("Check", StringComparison.Ordinal) || member.Name.Contains("ThrowOnFailure", StringComparison.Ordinal),
        _ => false,
    };

    /// <summary>What runs when code names a member: the method itself, or all of the closure, iterator or task that the compiler made of a body.</summary>
    static IEnumerable<MethodBase> Called(MemberInfo member)
    {
        Type[] made = [.. (member as MethodInfo)?.GetGenericArguments() ?? [], .. new[] { member as Type ?? member.DeclaringType }.OfType<Type>()];
        var bodies = made.Where(t => t.Assembly == typeof(AssertionTests).Assembly && t.Name.StartsWith('<') && !t.Name.StartsWith("<>c", StringComparison.Ordinal)).SelectMany(t => t.GetMethods(All));
        return member is MethodBase method && method.DeclaringType?.Assembly == typeof(AssertionTests).Assembly ? bodies.Append(method) : bodies;
    }
}
