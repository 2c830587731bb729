using System.Reflection;
using System.Reflection.Emit;

namespace MlNetCifar.Tests.Architecture;

/// <summary>
/// Which type of an assembly uses which other one, read from what the compiler made of it: usings say nothing where types share a namespace.
/// Constants do not show, since they are copied into the code that names them.
/// </summary>
static class Dependencies
{
    const BindingFlags All = BindingFlags.Public | BindingFlags.NonPublic | BindingFlags.Static | BindingFlags.Instance | BindingFlags.DeclaredOnly;

    static readonly Dictionary<short, OpCode> s_codes =
        typeof(OpCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(f => (OpCode)f.GetValue(null)!).ToDictionary(c => c.Value);

    /// <summary>Every pair of outermost types of which the first uses the second.</summary>
    public static IEnumerable<(Type From, Type To)> Of(Assembly assembly) =>
        (from type in assembly.GetTypes()
         let user = Outermost(type)
         from used in Uses(type).SelectMany(Parts).Select(Outermost)
         where used.Assembly == assembly && used != user
         select (user, used)).Distinct();

    /// <summary>The type that others are nested in.</summary>
    public static Type Outermost(Type type) => type.DeclaringType is { } outer ? Outermost(outer) : type;

    static IEnumerable<Type> Uses(Type type) =>
    [
        .. type.BaseType is { } parent ? [parent] : Type.EmptyTypes,
        .. type.GetInterfaces(),
        .. type.GetGenericArguments().SelectMany(Constraints),
        .. Attributes(type),
        .. type.GetFields(All).SelectMany(f => Attributes(f).Append(f.FieldType)),
        .. type.GetProperties(All).SelectMany(p => Attributes(p).Append(p.PropertyType)),
        .. type.GetMethods(All).SelectMany(m => Signature(m).Append(m.ReturnType)),
        .. type.GetConstructors(All).SelectMany(Signature),
        .. type.GetMethods(All).Cast<MethodBase>().Concat(type.GetConstructors(All)).SelectMany(Body),
    ];

    static IEnumerable<Type> Constraints(Type argument) => argument.IsGenericParameter ? argument.GetGenericParameterConstraints() : [];

    static IEnumerable<Type> Attributes(MemberInfo member) => member.GetCustomAttributesData().SelectMany(a =>
        a.ConstructorArguments.Concat(a.NamedArguments.Select(n => n.TypedValue)).Select(v => v.Value).OfType<Type>().Append(a.AttributeType));

    static IEnumerable<Type> Signature(MethodBase method) =>
    [
        .. Attributes(method),
        .. method.GetParameters().Select(p => p.ParameterType),
        .. method.IsGenericMethod ? method.GetGenericArguments().SelectMany(Constraints) : [],
    ];

    static IEnumerable<Type> Body(MethodBase method)
    {
        if (method.GetMethodBody() is not { } body)
            return [];
        return body.LocalVariables.Select(l => l.LocalType).Concat(Members(method).SelectMany(OfMember));
    }

    /// <summary>The fields, methods and types that a method's code names.</summary>
    public static IEnumerable<MemberInfo> Members(MethodBase method) =>
        method.GetMethodBody()?.GetILAsByteArray() is { } il ? Tokens(il).Select(token => Resolve(method, token)).OfType<MemberInfo>() : [];

    static IEnumerable<Type> OfMember(MemberInfo member) => member switch
    {
        Type type => [type],
        MethodInfo { IsGenericMethod: true } method => [.. method.GetGenericArguments(), method.DeclaringType!],
        { DeclaringType: { } owner } => [owner],
        _ => [],
    };

    static MemberInfo? Resolve(MethodBase method, int token) => method.Module.ResolveMember(
        token, method.DeclaringType!.GetGenericArguments(), method.IsGenericMethod ? method.GetGenericArguments() : null);

    static IEnumerable<int> Tokens(byte[] il)
    {
        for (var at = 0; at < il.Length;)
        {
            var code = s_codes[il[at] == 0xFE ? (short)(0xFE00 | il[at + 1]) : il[at]];
            at += code.Size;
            if (code.OperandType is OperandType.InlineField or OperandType.InlineMethod or OperandType.InlineTok or OperandType.InlineType)
                yield return BitConverter.ToInt32(il, at);
            at += code.OperandType switch
            {
                OperandType.InlineNone => 0,
                OperandType.ShortInlineBrTarget or OperandType.ShortInlineI or OperandType.ShortInlineVar => 1,
                OperandType.InlineVar => 2,
                OperandType.InlineI8 or OperandType.InlineR => 8,
                OperandType.InlineSwitch => 4 + (4 * BitConverter.ToInt32(il, at)),
                _ => 4,
            };
        }
    }

    /// <summary>A type, and those it is made of.</summary>
    static IEnumerable<Type> Parts(Type type)
    {
        if (type.HasElementType)
            return Parts(type.GetElementType()!);
        if (type.IsGenericParameter || type.IsFunctionPointer)
            return [];
        return type.IsConstructedGenericType ? type.GetGenericArguments().SelectMany(Parts).Append(type.GetGenericTypeDefinition()) : [type];
    }
}
