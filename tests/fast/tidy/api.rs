//! The API reference of the book: pages generated from the protos and their comments.

use std::collections::BTreeMap;

use prost::Message as _;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet,
    ServiceDescriptorProto,
};

/// The package whose files have pages.
const PACKAGE: &str = "latchkey.v1";

/// The folder of the pages, and the page that lists all calls.
const FOLDER: &str = "docs/src/api/";
const INDEX: &str = "docs/src/api.md";

/// Reads a file descriptor set with its source info, as build.rs writes it.
#[must_use]
pub fn decode(bytes: &[u8]) -> FileDescriptorSet {
    FileDescriptorSet::decode(bytes).expect("build.rs writes a file descriptor set")
}

/// Returns all pages, by path from the root of the repository.
#[must_use]
pub fn pages(set: &FileDescriptorSet) -> BTreeMap<String, String> {
    let files: Vec<&FileDescriptorProto> = set.file.iter().filter(|file| file.package() == PACKAGE).collect();
    let mut homes = BTreeMap::new();
    for file in &files {
        let messages = file.message_type.iter().map(DescriptorProto::name);
        for name in messages.chain(file.enum_type.iter().map(EnumDescriptorProto::name)) {
            homes.insert(format!(".{PACKAGE}.{name}"), stem(file).to_owned());
        }
    }
    let mut pages: BTreeMap<String, String> =
        files.iter().map(|file| (format!("{FOLDER}{}.md", stem(file)), Page::of(file, &homes).text())).collect();
    pages.insert(INDEX.to_owned(), index(&files));
    pages
}

/// Returns the page that lists the calls of all services.
fn index(files: &[&FileDescriptorProto]) -> String {
    let mut text =
        "# API reference\n\nThe contract is in `proto/latchkey/v1`. These pages are generated from its files and \
                    their comments. The administration port also serves gRPC reflection.\n"
            .to_owned();
    for file in files {
        let comments = Comments::of(file);
        for (at, service) in (0..).zip(&file.service) {
            let page = format!("api/{}.md", stem(file));
            text += &format!(
                "\n## {name}\n\n{}\n\n| call | what it does |\n|---|---|\n",
                comments.prose(&[6, at]),
                name = service.name()
            );
            for (number, call) in (0..).zip(&service.method) {
                let name = call.name();
                let about = comments.cell(&[6, at, 2, number]);
                text += &format!("| [{name}]({page}#{}) | {about} |\n", name.to_lowercase());
            }
        }
    }
    text
}

/// Returns `keys` for `latchkey/v1/keys.proto`.
fn stem(file: &FileDescriptorProto) -> &str {
    let name = file.name().rsplit('/').next().unwrap_or_default();
    name.strip_suffix(".proto").unwrap_or(name)
}

/// A page under construction.
struct Page<'a> {
    file: &'a FileDescriptorProto,
    comments: Comments<'a>,
    /// Page of each type.
    homes: &'a BTreeMap<String, String>,
}

impl<'a> Page<'a> {
    fn of(file: &'a FileDescriptorProto, homes: &'a BTreeMap<String, String>) -> Self {
        Self { file, comments: Comments::of(file), homes }
    }

    fn text(&self) -> String {
        let title = self.file.service.first().map_or("Common types", ServiceDescriptorProto::name);
        let mut text =
            format!("# {title}\n\n{}\n\nSource: `proto/{}`.\n", self.comments.prose(&[12]), self.file.name());
        for (at, service) in (0..).zip(&self.file.service) {
            text += &self.service(&[6, at], service);
        }
        for (at, message) in (0..).zip(&self.file.message_type) {
            text += &self.message(&[4, at], message);
        }
        for (at, values) in (0..).zip(&self.file.enum_type) {
            text += &self.enumeration(&[5, at], values);
        }
        text
    }

    fn service(&self, path: &[i32], service: &ServiceDescriptorProto) -> String {
        let mut text = format!("\n{}\n", self.comments.prose(path));
        for (at, call) in (0..).zip(&service.method) {
            let stream = |streams: bool| if streams { "a stream of " } else { "" };
            text += &format!(
                "\n## {}\n\nTakes {}{}, returns {}{}.\n\n{}\n",
                call.name(),
                stream(call.client_streaming()),
                self.link(call.input_type()),
                stream(call.server_streaming()),
                self.link(call.output_type()),
                self.comments.prose(&[path, &[2, at]].concat()),
            );
        }
        text
    }

    fn message(&self, path: &[i32], message: &DescriptorProto) -> String {
        let mut text = format!("\n## {}\n\n{}\n", message.name(), self.comments.prose(path));
        for (at, choice) in (0..).zip(&message.oneof_decl) {
            // The compiler represents `optional` as a separate oneof.
            if message.field.iter().any(|field| field.oneof_index == Some(at) && !field.proto3_optional()) {
                let about = self.comments.prose(&[path, &[8, at]].concat());
                text += &format!("\n`{}`: {about}\n", choice.name());
            }
        }
        if message.field.is_empty() {
            return text + "\nIt has no fields.\n";
        }
        text += "\n| field | type | meaning |\n|---|---|---|\n";
        for (at, field) in (0..).zip(&message.field) {
            let choice = field.oneof_index.filter(|_| !field.proto3_optional());
            let choice = choice.and_then(|at| message.oneof_decl.get(usize::try_from(at).ok()?));
            let one_of = choice.map(|choice| format!("(One of `{}`.) ", choice.name())).unwrap_or_default();
            let about = self.comments.cell(&[path, &[2, at]].concat());
            text += &format!("| `{}` | {} | {one_of}{about} |\n", field.name(), self.kind(message, field));
        }
        text
    }

    fn enumeration(&self, path: &[i32], values: &EnumDescriptorProto) -> String {
        let mut text = format!("\n## {}\n\n{}\n", values.name(), self.comments.prose(path));
        text += "\n| value | number | meaning |\n|---|---|---|\n";
        for (at, value) in (0..).zip(&values.value) {
            let about = self.comments.cell(&[path, &[2, at]].concat());
            text += &format!("| `{}` | {} | {about} |\n", value.name(), value.number());
        }
        text
    }

    /// Returns the type of a field, with a link if it has a page.
    fn kind(&self, message: &DescriptorProto, field: &FieldDescriptorProto) -> String {
        let entry = field.type_name().rsplit('.').next().unwrap_or_default();
        let entry = message.nested_type.iter().find(|nested| nested.name() == entry);
        if let Some([key, value]) = entry.map(|entry| entry.field.as_slice()) {
            return format!("map of {} to {}", self.plain(key), self.plain(value));
        }
        let kind = self.plain(field);
        match field.label() {
            Label::Repeated => format!("repeated {kind}"),
            _ if field.proto3_optional() => format!("optional {kind}"),
            _ => kind,
        }
    }

    fn plain(&self, field: &FieldDescriptorProto) -> String {
        match field.r#type() {
            Type::Message | Type::Enum => self.link(field.type_name()),
            other => format!("`{}`", format!("{other:?}").to_lowercase()),
        }
    }

    /// Returns a link to the page of a type, or its name if it belongs to another package.
    fn link(&self, name: &str) -> String {
        let Some(home) = self.homes.get(name) else { return format!("`{}`", name.trim_start_matches('.')) };
        let short = name.rsplit('.').next().unwrap_or(name);
        let page = if home == stem(self.file) { String::new() } else { format!("{home}.md") };
        format!("[`{short}`]({page}#{})", short.to_lowercase())
    }
}

/// Comments of a file, by the path of the declaration.
struct Comments<'a>(BTreeMap<&'a [i32], &'a str>);

impl<'a> Comments<'a> {
    fn of(file: &'a FileDescriptorProto) -> Self {
        let locations = file.source_code_info.iter().flat_map(|info| &info.location);
        let commented = locations.filter_map(|location| {
            let text = location.leading_comments.as_deref().or(location.trailing_comments.as_deref())?;
            Some((location.path.as_slice(), text))
        });
        Self(commented.collect())
    }

    /// Returns a comment as paragraphs.
    fn prose(&self, path: &[i32]) -> String {
        paragraphs(self.0.get(path).copied().unwrap_or_default()).join("\n\n")
    }

    /// Returns a comment for the cell of a table.
    fn cell(&self, path: &[i32]) -> String {
        paragraphs(self.0.get(path).copied().unwrap_or_default()).join("<br>").replace('|', "\\|")
    }
}

/// Splits a comment into paragraphs of one line each; what Markdown would take for a tag is escaped.
fn paragraphs(comment: &str) -> Vec<String> {
    let lines: Vec<&str> = comment.lines().map(str::trim).collect();
    let parts = lines.split(|line| line.is_empty()).filter(|lines| !lines.is_empty());
    parts.map(|lines| escape(&lines.join(" "))).collect()
}

/// Escapes `<` outside of code.
fn escape(text: &str) -> String {
    let parts = text.split('`').enumerate();
    let parts: Vec<String> =
        parts.map(|(at, part)| if at % 2 == 0 { part.replace('<', "&lt;") } else { part.to_owned() }).collect();
    parts.join("`")
}

#[cfg(test)]
mod tests {
    use prost_types::source_code_info::Location;
    use prost_types::{MethodDescriptorProto, SourceCodeInfo};

    use super::*;

    fn sample() -> FileDescriptorSet {
        let location = |path: &[i32], text: &str| Location {
            path: path.to_vec(),
            leading_comments: Some(text.to_owned()),
            ..Location::default()
        };
        let field = |name: &str, kind: Type, type_name: Option<&str>| FieldDescriptorProto {
            name: Some(name.to_owned()),
            r#type: Some(kind.into()),
            type_name: type_name.map(str::to_owned),
            ..FieldDescriptorProto::default()
        };
        let file = FileDescriptorProto {
            name: Some("latchkey/v1/things.proto".to_owned()),
            package: Some(PACKAGE.to_owned()),
            message_type: vec![DescriptorProto {
                name: Some("Thing".to_owned()),
                field: vec![
                    field("name", Type::String, None),
                    field("parent", Type::Message, Some(".latchkey.v1.Thing")),
                    field("time", Type::Message, Some(".google.protobuf.Timestamp")),
                ],
                ..DescriptorProto::default()
            }],
            service: vec![ServiceDescriptorProto {
                name: Some("ThingService".to_owned()),
                method: vec![MethodDescriptorProto {
                    name: Some("GetThing".to_owned()),
                    input_type: Some(".latchkey.v1.Thing".to_owned()),
                    output_type: Some(".latchkey.v1.Thing".to_owned()),
                    server_streaming: Some(true),
                    ..MethodDescriptorProto::default()
                }],
                ..ServiceDescriptorProto::default()
            }],
            source_code_info: Some(SourceCodeInfo {
                location: vec![
                    location(&[12], " Things.\n"),
                    location(&[4, 0, 2, 0], " `a<b|c`, or\n <none>.\n\n More.\n"),
                    location(&[6, 0, 2, 0], " Reads one.\n"),
                ],
            }),
            ..FileDescriptorProto::default()
        };
        FileDescriptorSet { file: vec![file] }
    }

    #[test]
    fn comments_types_and_links_are_on_the_page() {
        let pages = pages(&sample());
        let page = &pages["docs/src/api/things.md"];
        for expected in [
            "# ThingService\n\nThings.\n",
            "## GetThing\n\nTakes [`Thing`](#thing), returns a stream of [`Thing`](#thing).\n\nReads one.\n",
            "| `name` | `string` | `a<b\\|c`, or &lt;none>.<br>More. |\n",
            "| `parent` | [`Thing`](#thing) |  |\n",
            "| `time` | `google.protobuf.Timestamp` |  |\n",
        ] {
            assert!(page.contains(expected), "{expected:?} is not in\n{page}");
        }
        assert!(pages[INDEX].contains("| [GetThing](api/things.md#getthing) | Reads one. |\n"), "{}", pages[INDEX]);
    }
}
