//! Reads the file as Envoy does. Reports text that Envoy's reader interprets, or could interpret, in unexpected ways.

use granit_parser::{Event, Parser, ScalarStyle};
use serde_json::{Map, Value};

/// Maximum nesting of lists and maps.
const DEEPEST: usize = 100;

/// A list or a map that is not complete yet.
enum Open {
    List(Vec<Value>),
    Map(Map<String, Value>, Option<String>),
}

/// Parses YAML or JSON; returns the contents, whose scalars are all texts as written or null, and the problems of the
/// syntax. An error gives the position and quotes nothing: a token may be there.
pub(super) fn read(text: &str) -> Result<(Value, Vec<String>), String> {
    let mut open: Vec<Open> = Vec::new();
    let (mut unclear, mut root, mut documents) = (Vec::new(), None, 0_u32);
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    for (at, line) in text.lines().enumerate() {
        // Some parsers end a line, or a file, at these characters.
        if line.contains(|letter: char| {
            letter != '\t' && letter.is_control() || "\u{2028}\u{2029}\u{feff}".contains(letter)
        }) {
            unclear
                .push(format!("line {}: it contains a control character, which could end the line; remove it", at + 1));
        }
    }
    for event in Parser::new_from_str(&text) {
        let (event, span) = event
            .map_err(|error| format!("this is not YAML that Envoy can read: see line {}", error.marker().line()))?;
        let line = span.start.line();
        let mut report = |note: &str| unclear.push(format!("line {line}: {note}"));
        let (anchor, tag) = match &event {
            Event::Scalar(_, _, anchor, tag)
            | Event::SequenceStart(_, anchor, tag)
            | Event::MappingStart(_, anchor, tag) => (*anchor, tag.is_some()),
            _ => (0, false),
        };
        if tag {
            report(
                "tags (!…) are not supported by this check: Envoy skips fields with !ignore; remove the tag or the \
                 field",
            );
        }
        if anchor != 0 || matches!(event, Event::Alias(_) | Event::UnresolvedAlias(_)) {
            report("anchors (&…) and aliases (*…) are not supported by this check: write out their contents");
        }
        let value = match event {
            Event::DocumentStart(..) => {
                documents += 1;
                if documents > 1 {
                    report("there is a second document, which Envoy ignores; remove one");
                }
                continue;
            }
            Event::SequenceStart(..) => {
                open.push(Open::List(Vec::new()));
                None
            }
            Event::MappingStart(..) => {
                open.push(Open::Map(Map::new(), None));
                None
            }
            Event::Scalar(text, style, ..) => Some(scalar(&text, style)),
            Event::Alias(_) | Event::UnresolvedAlias(_) => Some(Value::Null),
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(list)) => Some(Value::Array(list)),
                Some(Open::Map(members, _)) => Some(Value::Object(members)),
                None => None,
            },
            _ => None,
        };
        if open.len() > DEEPEST {
            return Err(format!("lists and maps are nested more than {DEEPEST} levels deep at line {line}"));
        }
        let Some(value) = value else { continue };
        match open.last_mut() {
            None if documents < 2 => root = Some(value),
            None => {}
            Some(Open::List(list)) => list.push(value),
            Some(Open::Map(_, name @ None)) => {
                match value.as_str() {
                    Some("<<") => report("<< is not supported by Envoy: write out its contents"),
                    Some(_) => {}
                    None => report("the name of a field must be a word"),
                }
                *name = Some(value.as_str().unwrap_or_default().to_owned());
            }
            Some(Open::Map(members, name)) => {
                let name = name.take().unwrap_or_default();
                if members.contains_key(&name) {
                    report(&format!("{name} occurs twice, of which Envoy uses one; remove the other"));
                }
                members.insert(name, value);
            }
        }
    }
    Ok((root.unwrap_or_default(), unclear))
}

/// Returns a scalar as written. Values that Envoy treats as missing are null.
fn scalar(text: &str, style: ScalarStyle) -> Value {
    const NULLS: [&str; 5] = ["", "~", "null", "Null", "NULL"];

    if style == ScalarStyle::Plain && NULLS.contains(&text) { Value::Null } else { Value::String(text.to_owned()) }
}
