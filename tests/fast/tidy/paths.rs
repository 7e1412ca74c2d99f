//! The full paths that Rust source uses: `use` trees are expanded, `self`, `super` and imported names are resolved.

use std::collections::HashMap;

use crate::tidy::lexer::{Kind, Token};

/// A full path: `["crate", "model", "Key"]`, `["std", "net", "TcpStream"]`, or with a last `*`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedPath {
    /// Its parts.
    pub segments: Vec<String>,
    /// Its line, from 1.
    pub line: usize,
    /// The name under which `pub use` exports it; `None` for any other use.
    pub exported: Option<String>,
}

/// Returns the paths in `tokens`, which belong to the module `module` of the crate `latchkey` (empty: its root).
#[must_use]
pub fn paths(tokens: &[Token], module: &[String]) -> Vec<UsedPath> {
    let mut reader =
        Reader { tokens, module, imports: HashMap::new(), inline: Vec::new(), depth: 0, found: Vec::new() };
    // Twice: an import may be below its use.
    reader.read();
    reader.found.clear();
    reader.read();
    reader.found
}

struct Reader<'a> {
    tokens: &'a [Token],
    module: &'a [String],
    imports: HashMap<String, Vec<String>>,
    /// Names of the enclosing inline modules, and the depth of their braces.
    inline: Vec<(String, usize)>,
    depth: usize,
    found: Vec<UsedPath>,
}

impl Reader<'_> {
    fn read(&mut self) {
        let mut at = 0;
        while at < self.tokens.len() {
            at = self.step(at);
        }
    }

    fn step(&mut self, at: usize) -> usize {
        let token = &self.tokens[at];
        let next_is = |mark: &str| self.tokens.get(at + 1).is_some_and(|next| next.is_mark(mark));
        let next_is_word = |word: &str| self.tokens.get(at + 1).is_some_and(|next| next.is_word(word));
        if token.is_mark("{") {
            self.depth += 1;
        } else if token.is_mark("}") {
            self.depth = self.depth.saturating_sub(1);
            if self.inline.last().is_some_and(|(_, depth)| *depth > self.depth) {
                self.inline.pop();
            }
        } else if token.is_word("mod") && self.tokens.get(at + 2).is_some_and(|open| open.is_mark("{")) {
            self.inline.push((self.tokens[at + 1].text.clone(), self.depth + 1));
        } else if token.is_word("use") && self.starts_item(at) {
            let exports = self.is_public(at);
            return self.tree(at + 1, &[], exports);
        } else if token.is_mark("(") && next_is_word("in") && self.is_after_pub(at) {
            // A visibility, `pub(in a::b)`: not a use of that path.
            return at + 1 + self.tokens[at..].iter().take_while(|token| !token.is_mark(")")).count();
        } else if token.kind == Kind::Word && next_is("::") && !self.continues(at) {
            return self.inline_path(at);
        }
        at + 1
    }

    /// Returns false for `use<'a>` in a return type, which is not an import.
    fn starts_item(&self, at: usize) -> bool {
        self.tokens.get(at + 1).is_some_and(|next| next.kind == Kind::Word || next.is_mark("::") || next.is_mark("{"))
    }

    /// Returns whether `pub` or `pub(…)` precedes the item that begins at `at`.
    fn is_public(&self, at: usize) -> bool {
        let before = &self.tokens[..at];
        let before = match before.iter().rposition(|token| token.is_mark("(")) {
            Some(open) if before.last().is_some_and(|last| last.is_mark(")")) => &before[..open],
            _ => before,
        };
        self.is_after_pub(before.len())
    }

    fn is_after_pub(&self, at: usize) -> bool {
        at.checked_sub(1).is_some_and(|before| self.tokens[before].is_word("pub"))
    }

    /// Returns whether the word at `at` does not begin a path: a later part (`a::b`, `Vec::<T>::new`, but not `::a`),
    /// or a method (`x.a`, but not `0..a`).
    fn continues(&self, at: usize) -> bool {
        let before = |back: usize| at.checked_sub(back).map(|index| &self.tokens[index]);
        let marked = |back: usize, mark: &str| before(back).is_some_and(|token| token.is_mark(mark));
        let owned = before(2).is_some_and(|owner| owner.kind == Kind::Word || owner.is_mark(">"));
        marked(1, "::") && owned || marked(1, ".") && !marked(2, ".")
    }

    fn inline_path(&mut self, mut at: usize) -> usize {
        let line = self.tokens[at].line;
        let mut segments = vec![self.tokens[at].text.clone()];
        at += 1;
        while self.tokens.get(at).is_some_and(|mark| mark.is_mark("::")) {
            let Some(word) = self.tokens.get(at + 1).filter(|word| word.kind == Kind::Word) else { break };
            segments.push(word.text.clone());
            at += 2;
        }
        let from_import = self.imports.get(&segments[0]).map(|start| [start, &segments[1..]].concat());
        let segments = from_import.unwrap_or_else(|| self.whole(&segments));
        self.found.push(UsedPath { segments, line, exported: None });
        at
    }

    /// Parses one tree of a `use` from `at` on; returns the index after it.
    fn tree(&mut self, mut at: usize, prefix: &[String], exports: bool) -> usize {
        let mut segments = prefix.to_vec();
        let line = self.tokens.get(at).map_or(0, |token| token.line);
        let mut alias = None;
        while let Some(token) = self.tokens.get(at) {
            if token.is_mark("{") {
                at += 1;
                while self.tokens.get(at).is_some_and(|token| !token.is_mark("}")) {
                    at = self.tree(at, &segments, exports);
                    if self.tokens.get(at).is_some_and(|token| token.is_mark(",")) {
                        at += 1;
                    } else if self.tokens.get(at).is_some_and(|token| token.is_mark(";")) {
                        return at;
                    }
                }
                return at + 1;
            } else if token.is_word("as") {
                alias = self.tokens.get(at + 1).map(|name| name.text.clone());
                at += 2;
            } else if token.kind == Kind::Word || token.is_mark("*") {
                segments.push(token.text.clone());
                at += 1;
            } else if token.is_mark("::") {
                at += 1;
            } else {
                break;
            }
        }
        self.import(segments, alias, line, exports);
        at
    }

    fn import(&mut self, mut segments: Vec<String>, alias: Option<String>, line: usize, exports: bool) {
        // `use a::{self}` names a.
        if segments.len() > 1 && segments.last().is_some_and(|last| last == "self") {
            segments.pop();
        }
        let segments = self.whole(&segments);
        let name = alias.or_else(|| segments.last().cloned()).filter(|name| name != "*" && name != "_");
        if let Some(name) = &name {
            self.imports.insert(name.clone(), segments.clone());
        }
        self.found.push(UsedPath { segments, line, exported: name.filter(|_| exports) });
    }

    /// Resolves `self`, `super` and the crate's own name.
    fn whole(&self, segments: &[String]) -> Vec<String> {
        let Some(first) = segments.first() else { return Vec::new() };
        let here = || -> Vec<String> {
            let inline = self.inline.iter().map(|(name, _)| name);
            std::iter::once("crate".to_owned()).chain(self.module.iter().chain(inline).cloned()).collect()
        };
        match first.as_str() {
            "latchkey" => [&["crate".to_owned()], &segments[1..]].concat(),
            "self" => [here(), segments[1..].to_vec()].concat(),
            "super" => {
                let ups = segments.iter().take_while(|segment| *segment == "super").count();
                let mut start = here();
                start.truncate(start.len().saturating_sub(ups).max(1));
                [start, segments[ups..].to_vec()].concat()
            }
            _ => segments.to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tidy::lexer::tokens;

    fn found(source: &str, module: &[&str]) -> Vec<String> {
        let module: Vec<String> = module.iter().map(ToString::to_string).collect();
        paths(&tokens(source), &module).into_iter().map(|path| path.segments.join("::")).collect()
    }

    #[test]
    fn use_trees_are_spread_out() {
        let source = "use a::{self, b, c::{d as e, f::*}, g}; pub(crate) use ::h::i; use {j::k, l};";
        assert_eq!(found(source, &[]), ["a", "a::b", "a::c::d", "a::c::f::*", "a::g", "h::i", "j::k", "l"]);
    }

    #[test]
    fn paths_in_code_are_found_and_begin_at_their_start() {
        let source = "pub(in p::q) fn f(x: a::b::C) -> impl T + use<'_> { ::d::e(); g.h::<i::J>(); Vec::<u8>::new(); m!(k::l); 0..n::o }";
        assert_eq!(found(source, &[]), ["a::b::C", "d::e", "i::J", "Vec", "k::l", "n::o"]);
    }

    #[test]
    fn relative_paths_are_made_whole() {
        let source =
            "use super::x; use self::y; mod z { use super::w; fn f() { super::super::v(); } } use super::super::u;";
        assert_eq!(
            found(source, &["a", "b"]),
            ["crate::a::x", "crate::a::b::y", "crate::a::b::w", "crate::a::v", "crate::u"]
        );
    }

    #[test]
    fn imports_are_followed_wherever_they_stand() {
        let source = "fn f() { net::TcpStream::connect(); clock::now() } use std::net; use std::time as clock;";
        assert_eq!(found(source, &[]), ["std::net::TcpStream::connect", "std::time::now", "std::net", "std::time"]);
    }

    #[test]
    fn what_is_used_publicly_is_exported_under_its_name() {
        let exported = |source: &str| -> Vec<Option<String>> {
            paths(&tokens(source), &[]).into_iter().map(|path| path.exported).collect()
        };
        assert_eq!(
            exported("pub use a::{b, c as d}; use e::f; pub fn g() { h::i() }"),
            [Some("b".to_owned()), Some("d".to_owned()), None, None]
        );
        assert_eq!(exported("pub(in crate::x) use a::b; fn f(x: (u8,)) {} use c::d;"), [Some("b".to_owned()), None]);
    }

    #[test]
    fn the_crates_own_name_is_the_crate() {
        assert_eq!(found("fn main() { latchkey::cli::run() }", &[]), ["crate::cli::run"]);
    }
}
