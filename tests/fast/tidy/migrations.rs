//! Migrations are numbered without gaps, equally for both engines, and never change once they are committed: their
//! digests are in a lock file, to which lines are only added.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::tidy::tree::File;

/// Digests of all migrations, as `sha256sum migrations/*/*.sql` prints them.
pub const LOCK: &str = "tests/migrations.lock";

const ENGINES: &[&str] = &["postgres", "sqlite"];

/// Returns complaints about the migrations among `files`; `lock` is the text of the lock file.
#[must_use]
pub fn complaints(files: &[File], lock: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut by_engine: BTreeMap<&str, BTreeMap<u32, &str>> =
        ENGINES.iter().map(|name| (*name, BTreeMap::new())).collect();
    let mut digests = BTreeMap::new();
    for file in files.iter().filter(|file| file.is_in("migrations")) {
        digests.insert(file.path.as_str(), digest(&file.bytes));
        let Some((engine, number, name)) = parse(&file.path) else {
            let right = "must be migrations/ENGINE/V1__name.sql, ENGINE one of";
            found.push(format!("{}: {right} {}", file.path, ENGINES.join(", ")));
            continue;
        };
        let earlier = by_engine.get_mut(engine).and_then(|numbers| numbers.insert(number, name));
        if let Some(earlier) = earlier {
            found.push(format!("{}: number {number} is taken by {earlier}", file.path));
        }
    }
    for (engine, numbers) in &by_engine {
        for (expected, number) in (1..).zip(numbers.keys()) {
            if expected != *number {
                found.push(format!("migrations/{engine}: V{expected} is missing before V{number}"));
                break;
            }
        }
    }
    let steps: BTreeSet<(u32, &str)> = by_engine.values().flatten().map(|(number, name)| (*number, *name)).collect();
    for (number, name) in steps {
        for (engine, _) in by_engine.iter().filter(|(_, numbers)| numbers.get(&number) != Some(&name)) {
            found.push(format!("migrations/{engine}: V{number}__{name}.sql is missing: engines go in step"));
        }
    }
    found.extend(lock_complaints(&digests, lock));
    found
}

fn lock_complaints(digests: &BTreeMap<&str, String>, lock: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut locked = BTreeSet::new();
    for (number, line) in lock.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
        let at = format!("{LOCK}:{}", number + 1);
        let Some((expected, path)) = line.split_once("  ") else {
            found.push(format!("{at}: must be a digest, two spaces, a path, as sha256sum prints it"));
            continue;
        };
        if !locked.insert(path) {
            found.push(format!("{at}: {path} stands here twice: lines are added, never replaced"));
        }
        match digests.get(path) {
            None => found.push(format!("{at}: {path} is gone: databases that have it would not start")),
            Some(digest) if digest != expected => {
                found.push(format!("{path}: was changed after it was in: put it back and write a new migration"));
            }
            Some(_) => {}
        }
    }
    let new = digests.iter().filter(|(path, _)| !locked.contains(**path));
    found.extend(new.map(|(path, digest)| format!("{path}: is new: add this line to {LOCK}:\n{digest}  {path}")));
    found
}

fn digest(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a string cannot fail");
        text
    })
}

/// Returns engine, number and name of a migration.
fn parse(path: &str) -> Option<(&'static str, u32, &str)> {
    let (engine, file) = path.strip_prefix("migrations/")?.split_once('/')?;
    let engine = ENGINES.iter().find(|known| **known == engine)?;
    let (number, name) = file.strip_prefix('V')?.strip_suffix(".sql")?.split_once("__")?;
    let plain = !name.is_empty() && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    let number = number.parse().ok().filter(|parsed: &u32| parsed.to_string() == number && plain)?;
    Some((engine, number, name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn migrations(paths: &[&str]) -> Vec<File> {
        paths.iter().map(|path| File::sample(&format!("migrations/{path}"), "SELECT 1;\n")).collect()
    }

    fn lock_of(files: &[File]) -> String {
        files.iter().fold("# why\n".to_owned(), |text, file| format!("{text}{}  {}\n", digest(&file.bytes), file.path))
    }

    fn wrong(paths: &[&str]) -> Vec<String> {
        let files = migrations(paths);
        complaints(&files, &lock_of(&files))
    }

    const TWO: &[&str] = &["postgres/V1__a.sql", "postgres/V2__b.sql", "sqlite/V1__a.sql", "sqlite/V2__b.sql"];

    #[test]
    fn none_and_orderly_ones_pass() {
        assert_eq!(complaints(&[], ""), [""; 0]);
        assert_eq!(wrong(TWO), [""; 0]);
    }

    #[test]
    fn gaps_doubles_and_bad_names_are_seen() {
        assert_eq!(wrong(&["postgres/V2__b.sql", "sqlite/V2__b.sql"]).len(), 2);
        assert!(wrong(&["postgres/V1__a.sql", "postgres/V1__b.sql", "sqlite/V1__a.sql"])[0].contains("taken by a"));
        for bad in ["V1__a.sql", "mysql/V1__a.sql", "sqlite/V01__a.sql", "sqlite/1__a.sql", "sqlite/V1__A.sql"] {
            assert!(wrong(&[bad])[0].contains("must be migrations/"), "{bad}");
        }
    }

    #[test]
    fn engines_out_of_step_are_seen() {
        assert_eq!(wrong(&["postgres/V1__a.sql"]), ["migrations/sqlite: V1__a.sql is missing: engines go in step"]);
        assert_eq!(wrong(&["postgres/V1__a.sql", "sqlite/V1__b.sql"]).len(), 2);
    }

    #[test]
    fn changed_removed_new_and_doubled_migrations_are_seen() {
        let files = migrations(TWO);
        let lock = lock_of(&files);
        let mut changed = files.clone();
        changed[1].bytes.push(b' ');
        assert!(complaints(&changed, &lock)[0].contains("was changed"));
        let removed = [&files[0], &files[2]].map(Clone::clone);
        assert_eq!(complaints(&removed, &lock).iter().filter(|line| line.contains("is gone")).count(), 2);
        let short = lock.lines().take(4).collect::<Vec<_>>().join("\n");
        let new = complaints(&files, &short);
        assert_eq!(new.len(), 1, "{new:?}");
        assert!(new[0].ends_with("migrations/sqlite/V2__b.sql"), "{new:?}");
        assert_eq!(complaints(&files, &format!("{short}\n{}", new[0].lines().last().unwrap_or_default())), [""; 0]);
        assert!(complaints(&files, &format!("{lock}{lock}"))[0].contains("twice"));
        assert!(complaints(&files, "nonsense\n")[0].contains("sha256sum"));
    }
}
