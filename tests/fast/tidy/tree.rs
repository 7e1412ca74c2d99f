//! The files of the repository, committed or not, except those ignored by .gitignore.

use std::path::{Path, PathBuf};

/// A file of the repository.
#[derive(Debug, Clone)]
pub struct File {
    /// Its path from the root, with `/`.
    pub path: String,
    /// Its contents.
    pub bytes: Vec<u8>,
}

impl File {
    /// Creates a file that does not exist, for the tests of the rules.
    #[must_use]
    pub fn sample(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), bytes: text.as_bytes().to_vec() }
    }

    /// Returns its text; invalid UTF-8 is replaced.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Returns whether it is below `folder`.
    #[must_use]
    pub fn is_in(&self, folder: &str) -> bool {
        Path::new(&self.path).starts_with(folder)
    }

    /// Returns whether its name ends with `.extension`.
    #[must_use]
    pub fn has_extension(&self, extension: &str) -> bool {
        Path::new(&self.path).extension().is_some_and(|found| found == extension)
    }
}

/// Returns all files, ordered by path.
///
/// # Panics
///
/// When one cannot be read.
#[must_use]
pub fn repository() -> Vec<File> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    let ignored = ignored(&std::fs::read_to_string(root.join(".gitignore")).expect(".gitignore is readable"));
    let mut files = Vec::new();
    collect(&root, "", &ignored, &mut files);
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

fn collect(folder: &Path, prefix: &str, ignored: &[String], files: &mut Vec<File>) {
    let entries = std::fs::read_dir(folder).unwrap_or_else(|error| panic!("read {}: {error}", folder.display()));
    for entry in entries {
        let entry = entry.expect("a folder is read to its end");
        let name = entry.file_name().into_string().expect("names of files are UTF-8");
        let path = format!("{prefix}{name}");
        // `.git` is a file in a linked worktree.
        if name == ".git" || ignored.iter().any(|pattern| *pattern == name || pattern.strip_prefix('/') == Some(&path))
        {
            continue;
        }
        let kind = entry.file_type().expect("an entry has a type");
        if kind.is_dir() {
            collect(&entry.path(), &format!("{path}/"), ignored, files);
        } else if kind.is_file() {
            let bytes = std::fs::read(entry.path()).unwrap_or_else(|error| panic!("read {path}: {error}"));
            files.push(File { path, bytes });
        }
    }
}

/// Returns the lines of .gitignore: `name` at any depth, or `/path` from the root.
fn ignored(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines
        .map(|line| {
            let pattern = line.strip_suffix('/').unwrap_or(line);
            let plain = !pattern.contains(['*', '?', '[', '!']);
            let understood = plain && (pattern.starts_with('/') || !pattern.contains('/'));
            assert!(understood, ".gitignore: write {line:?} as a name or as a path from the root: tidy reads it too");
            pattern.to_owned()
        })
        .collect()
}

#[test]
fn gitignore_is_read_as_names_and_paths() {
    assert_eq!(ignored("# why\n/target\n\nnode_modules/\n/a/b\n"), ["/target", "node_modules", "/a/b"]);
}

#[test]
#[should_panic(expected = "tidy reads it too")]
fn a_gitignore_line_that_is_not_understood_fails() {
    let _ = ignored("*.log\n");
}
