using System.Globalization;
using System.Text;
using System.Xml;

namespace MlNetCifar.Evaluation;

/// <summary>Writes outcomes in the JUnit XML that CI systems read.</summary>
internal static class JUnitXml
{
    public static string Of(GateOutcome outcome)
    {
        var text = new StringBuilder();
        using (var writer = XmlWriter.Create(new Utf8Text(text), new XmlWriterSettings { Indent = true, NewLineChars = "\n" }))
        {
            writer.WriteStartDocument();
            writer.WriteStartElement("testsuites");
            writer.WriteStartElement("testsuite");
            writer.WriteAttributeString("name", Clean(outcome.Name));
            writer.WriteAttributeString("tests", Number(outcome.Findings.Count));
            writer.WriteAttributeString("failures", Number(outcome.Findings.Count(finding => !finding.Passed)));
            writer.WriteAttributeString("errors", "0");
            writer.WriteAttributeString("skipped", "0");
            foreach (var finding in outcome.Findings)
                WriteCase(writer, outcome, finding);
            writer.WriteEndDocument();
        }

        return text.Append('\n').ToString();
    }

    static void WriteCase(XmlWriter writer, GateOutcome outcome, GateFinding finding)
    {
        writer.WriteStartElement("testcase");
        writer.WriteAttributeString("classname", Clean(outcome.Name));
        writer.WriteAttributeString("name", Clean(finding.Name));
        if (finding.Passed)
            writer.WriteElementString("system-out", Clean(finding.Text));
        else
        {
            writer.WriteStartElement("failure");
            writer.WriteAttributeString("message", Clean(finding.Text));
            writer.WriteString(Clean(outcome.Message));
            writer.WriteEndElement();
        }

        writer.WriteEndElement();
    }

    static string Number(int value) => value.ToString(CultureInfo.InvariantCulture);

    /// <summary>XML 1.0 has no way to write most control characters, and a class name may hold any.</summary>
    static string Clean(string text) => string.Concat(text.Select(c => XmlConvert.IsXmlChar(c) ? c : '\uFFFD'));

    sealed class Utf8Text(StringBuilder text) : StringWriter(text, CultureInfo.InvariantCulture)
    {
        public override Encoding Encoding => Encoding.UTF8;
    }
}
