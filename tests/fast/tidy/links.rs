//! Links in documents: each leads to a file, folder or heading of the repository. mdBook publishes docs/src alone:
//! links in the book stay there, and its summary lists each chapter once.

use std::collections::{BTreeMap, BTreeSet};

use crate::tidy::tree::File;

/// The sources of the book, and its table of contents.
const BOOK: &str = "docs/src/";
const SUMMARY: &str = "docs/src/SUMMARY.md";

/// A link of a document.
#[derive(Debug, PartialEq, Eq)]
struct Link {
    line: usize,
    target: String,
}

/// Returns complaints about links that lead nowhere.
#[must_use]
pub fn broken(files: &[File]) -> Vec<String> {
    let documents: BTreeMap<&str, Document> =
        files.iter().filter(|file| file.has_extension("md")).map(|file| (&*file.path, Document::read(file))).collect();
    let mut found = Vec::new();
    for (path, document) in &documents {
        for link in &document.links {
            if let Some(why) = wrong(path, &link.target, files, &documents) {
                found.push(format!("{path}:{}: ({}): {why}", link.line, link.target));
            }
        }
    }
    found
}

/// Returns complaints about chapters that the summary does not list, or lists twice.
#[must_use]
pub fn unlisted(files: &[File]) -> Vec<String> {
    let summary = files.iter().find(|file| file.path == SUMMARY).map(Document::read);
    let mut listed: Vec<String> = summary.iter().flat_map(|page| &page.links).map(|link| link.target.clone()).collect();
    listed.sort();
    let twice = listed.windows(2).filter(|pair| pair[0] == pair[1]);
    let mut found: Vec<String> = twice.map(|pair| format!("{SUMMARY}: lists {} twice", pair[0])).collect();
    for file in files.iter().filter(|file| file.has_extension("md") && file.path != SUMMARY) {
        if let Some(chapter) = file.path.strip_prefix(BOOK)
            && listed.binary_search(&chapter.to_owned()).is_err()
        {
            found.push(format!("{}: is not listed in {SUMMARY}, so the book does not contain it", file.path));
        }
    }
    found
}

/// Returns a complaint about a link in the document `path`.
fn wrong(path: &str, target: &str, files: &[File], documents: &BTreeMap<&str, Document>) -> Option<String> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (file, anchor) = target.split_once('#').map_or((target, None), |(file, anchor)| (file, Some(anchor)));
    let place = if file.is_empty() { Some(path.to_owned()) } else { resolve(path, file) };
    let Some(place) = place else { return Some("leads out of the repository".to_owned()) };
    if path.starts_with(BOOK) && !place.starts_with(BOOK) {
        return Some(format!("leads out of {BOOK}, which is all that the book publishes: name the file instead"));
    }
    let folder = format!("{place}/");
    if !files.iter().any(|file| file.path == place || file.path.starts_with(&folder)) {
        return Some(format!("{place} does not exist"));
    }
    let anchor = anchor?;
    match documents.get(place.as_str()) {
        None => Some(format!("{place} is not a document, so it has no headings")),
        Some(document) if document.anchors.contains(anchor) => None,
        Some(_) => Some(format!("{place} has no heading with the anchor {anchor}")),
    }
}

/// Resolves a relative link in the document `path`; returns `None` if it leads out of the repository.
fn resolve(path: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The links and anchors of a document.
struct Document {
    links: Vec<Link>,
    anchors: BTreeSet<String>,
}

impl Document {
    fn read(file: &File) -> Self {
        let (mut links, mut anchors) = (Vec::new(), BTreeSet::new());
        let mut fence: Option<&str> = None;
        let text = file.text();
        for (number, line) in (1..).zip(text.lines()) {
            let start = line.trim_start();
            let mark = ["```", "~~~"].into_iter().find(|mark| start.starts_with(mark));
            if let Some(open) = fence {
                fence = fence.filter(|_| mark != Some(open));
                continue;
            }
            if mark.is_some() {
                fence = mark;
                continue;
            }
            let heading = start.trim_start_matches('#');
            if heading.len() < start.len() && heading.starts_with(' ') {
                let plain = anchor(heading.trim());
                let mut count = 0;
                let mut unique = plain.clone();
                while !anchors.insert(unique) {
                    count += 1;
                    unique = format!("{plain}-{count}");
                }
            }
            links.extend(targets(&without_code(line)).map(|target| Link { line: number, target }));
        }
        Self { links, anchors }
    }
}

/// Returns the targets of the inline links and images of a line.
fn targets(line: &str) -> impl Iterator<Item = String> + '_ {
    line.match_indices("](").filter_map(|(at, mark)| {
        let (inside, _) = line[at + mark.len()..].split_once(')')?;
        // A title may follow.
        let target = inside.split_whitespace().next()?;
        Some(target.trim_matches(['<', '>']).to_owned())
    })
}

/// Removes code spans from a line.
fn without_code(line: &str) -> String {
    line.split('`').step_by(2).collect()
}

/// Returns the anchor of a heading, as mdBook and code hosts derive it.
fn anchor(heading: &str) -> String {
    let mut text = String::new();
    // Only the text of a link counts.
    let mut rest = heading;
    while let Some((before, after)) = rest.split_once("](") {
        text.push_str(before);
        rest = after.split_once(')').map_or("", |(_, rest)| rest);
    }
    text.push_str(rest);
    let kept = text.to_lowercase();
    kept.chars()
        .filter_map(|c| match c {
            ' ' => Some('-'),
            c if c.is_alphanumeric() || c == '-' || c == '_' => Some(c),
            _ => None,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complaints(files: &[(&str, &str)]) -> Vec<String> {
        let files: Vec<File> = files.iter().map(|(path, text)| File::sample(path, text)).collect();
        broken(&files)
    }

    #[test]
    fn links_that_lead_nowhere_are_seen() {
        let found = complaints(&[
            ("README.md", "# A\n[b](docs/b.md) [c](c.md)\n![d](d.png)\n[e](#f)\n[g](../up.md)\n[h](docs/b.md#i)\n"),
            ("docs/b.md", "# B\n[a](../README.md#a-1) [a](README.md)\n"),
        ]);
        let places: Vec<&str> =
            found.iter().filter_map(|line| line.split_once("): ")).map(|(place, _)| place).collect();
        let expected = [
            "README.md:2: (c.md",
            "README.md:3: (d.png",
            "README.md:4: (#f",
            "README.md:5: (../up.md",
            "README.md:6: (docs/b.md#i",
            "docs/b.md:2: (../README.md#a-1",
            "docs/b.md:2: (README.md",
        ];
        assert_eq!(places, expected, "{found:?}");
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        let found = complaints(&[
            (
                "README.md",
                "# A title: `of` *it*\n## Same\n## Same\n[x](#a-title-of-it) [y](#same-1) [z](docs) [w](docs/src/b.md#c \"title\")\n\
                 [v](https://example.com/x.md)\n`[not](a-link)`\n```\n[nor](this) \n# Nor this\n```\n",
            ),
            ("docs/src/b.md", "# [C](../src/b.md)\n"),
        ]);
        assert_eq!(found, [""; 0]);
    }

    #[test]
    fn the_book_keeps_to_itself() {
        let found = complaints(&[("README.md", "# A\n"), ("docs/src/b.md", "[a](../../README.md)\n")]);
        assert_eq!(found.len(), 1);
        assert!(found[0].contains("leads out of docs/src/"), "{found:?}");
    }

    #[test]
    fn chapters_that_are_not_listed_once_are_seen() {
        let files = [
            File::sample("docs/src/SUMMARY.md", "- [A](a.md)\n- [B](b/c.md)\n- [A](a.md)\n"),
            File::sample("docs/src/a.md", "# A\n"),
            File::sample("docs/src/b/c.md", "# C\n"),
            File::sample("docs/src/d.md", "# D\n"),
            File::sample("docs/other.md", "# Other\n"),
        ];
        let found = unlisted(&files);
        assert_eq!(found.len(), 2, "{found:?}");
        assert!(found[0].ends_with("lists a.md twice") && found[1].starts_with("docs/src/d.md: "), "{found:?}");
    }
}
