//! Real storage with very many keys, filled by SQL in minutes.
//!
//! Every key is valid, has one secret and has access to everything: a start reads the digests of secrets but no keys.
//! The indexes that only lists and searches of keys read are dropped before, most of all the text index, and are not
//! created again: they take most of the writing time, and no start reads them. The index of digests, which a start does
//! read, is created at the end, so that it is as in storage that grew gradually, only more densely packed.

use std::path::Path;
use std::time::Duration;

use latchkey::model::grant::Standing;
use latchkey::model::id::{KeyId, SecretId};
use latchkey::model::time::Timestamp;
use latchkey::model::token::Digest;
use latchkey::storage::Feed as _;
use rusqlite::Connection;

use crate::common::data;
use helpers::support::{eventually, postgres::query};

/// Keys in one statement.
const CHUNK: u32 = 500_000;

/// Creation time of the first key, and the time between two keys, in milliseconds.
const FIRST: i64 = 1_750_000_000_000;
const STEP: i64 = 31;

/// Indexes dropped before, in both engines.
const INDEXES: &[&str] = &[
    "keys_usable",
    "keys_revoked",
    "keys_all_stores",
    "keys_all_methods",
    "keys_owner",
    "keys_expires",
    "keys_ends",
    "secrets_digest",
    "secrets_key",
    "secrets_created",
];

/// Created again at the end.
const DIGESTS: &str = "CREATE UNIQUE INDEX secrets_digest ON secrets (digest)";

/// Differences of the engines' SQL: expressions over `n`, the number of a key, or over `ms`, its creation time.
struct SqlDialect {
    /// Rows of `n`, from `$1` to below `$2`.
    numbers: &'static str,
    /// Id after its prefix.
    id: &'static str,
    /// Digest of a token.
    digest: &'static str,
    /// Separator of the searched texts.
    part: &'static str,
}

const SQLITE: SqlDialect = SqlDialect {
    numbers: "WITH RECURSIVE numbers (n) AS (SELECT $1 UNION ALL SELECT n + 1 FROM numbers WHERE n + 1 < $2) \
              SELECT n FROM numbers",
    id: "printf('%08x-%04x-7000-8000-%012x', ms >> 16, ms & 65535, n)",
    digest: "randomblob(32)",
    part: "char(31)",
};

const POSTGRES: SqlDialect = SqlDialect {
    numbers: "SELECT generate_series($1::bigint, $2::bigint - 1) AS n",
    id: "lpad(to_hex(ms >> 16), 8, '0') || '-' || lpad(to_hex(ms & 65535), 4, '0') || '-7000-8000-' || \
         lpad(to_hex(n), 12, '0')",
    digest: "sha256(int8send(n))",
    part: "chr(31)",
};

impl SqlDialect {
    /// Returns the SQL that adds the keys from `first` to below `end`.
    fn keys(&self, first: u32, end: u32) -> String {
        let part = self.part;
        format!(
            "INSERT INTO keys (id, name, owner, comment, active, all_stores, all_methods, networks, labels, search, \
             created_at, updated_at, row_revision) \
             SELECT 'key_' || id, 'Module of ' || n, 'partner-' || n % 5000, '', TRUE, TRUE, TRUE, '[]', '{{}}', \
             'module of ' || n || {part} || 'partner-' || n % 5000 || {part} || {part} || 'key_' || id || {part} || 'abcd', \
             ms * 1000, ms * 1000, 1 FROM ({}) ids",
            self.ids(first, end)
        )
    }

    /// Returns the SQL that adds their secrets.
    fn secrets(&self, first: u32, end: u32) -> String {
        format!(
            "INSERT INTO secrets (id, key_id, digest, hint, origin, created_at, created_revision) \
             SELECT 'sec_' || id, 'key_' || id, {}, 'abcd', 'issued', ms * 1000, 1 FROM ({}) ids",
            self.digest,
            self.ids(first, end)
        )
    }

    fn ids(&self, first: u32, end: u32) -> String {
        let numbers = self.numbers.replace("$1", &first.to_string()).replace("$2", &end.to_string());
        let id = self.id;
        format!("SELECT n, ms, {id} AS id FROM (SELECT n, {FIRST} + n * {STEP} AS ms FROM ({numbers}) numbers) moments")
    }
}

/// Adds stores and methods to empty storage, as its first revision.
pub(super) async fn create_catalog(url: &str) {
    let storage = data::open(url).await;
    data::create_catalog(&storage).await;
}

/// Adds keys 0 to `count` to an SQLite file that no other process has open.
pub(super) fn sqlite(url: &str, count: u32) {
    let file = Path::new(url.strip_prefix("sqlite:").expect("a URL of SQLite"));
    let connection = Connection::open(file).expect("the file opens");
    // No journal and no sync: an incomplete file is thrown away. Fails while another process has it open.
    eventually("the file is let go", Duration::from_secs(10), || {
        let mode: rusqlite::Result<String> = connection.query_row("PRAGMA journal_mode = OFF", [], |row| row.get(0));
        mode.ok().filter(|mode| mode == "off")
    });
    let run = |sql: &str| connection.execute_batch(sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    run("PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000");
    run("DROP TRIGGER keys_search_insert; DROP TRIGGER keys_search_update; DROP TABLE keys_search");
    INDEXES.iter().for_each(|index| run(&format!("DROP INDEX {index}")));
    for (first, end) in chunks(count) {
        run(&SQLITE.keys(first, end));
        run(&SQLITE.secrets(first, end));
    }
    run(DIGESTS);
}

/// Adds keys 0 to `count` to a database.
pub(super) fn postgres(url: &str, count: u32) {
    let run = |sql: &str| query(url, sql).unwrap_or_else(|error| panic!("{sql}: {error}"));
    run("DROP INDEX IF EXISTS keys_search");
    INDEXES.iter().for_each(|index| drop(run(&format!("DROP INDEX {index}"))));
    std::thread::scope(|scope| {
        scope.spawn(|| chunks(count).for_each(|(first, end)| drop(run(&POSTGRES.keys(first, end)))));
        chunks(count).for_each(|(first, end)| drop(run(&POSTGRES.secrets(first, end))));
    });
    run(DIGESTS);
    // Autovacuum would do the same some time after so many inserts.
    run("VACUUM ANALYZE secrets");
}

/// Checks that the program accepts the rows as valid keys.
pub(super) async fn check(url: &str, count: u32) {
    let last = count - 1;
    let moment = Timestamp::from_micros((FIRST + i64::from(last) * STEP) * 1_000);
    let mut random = [0; 10];
    random[6..].copy_from_slice(&last.to_be_bytes());
    let digest = if let Some(file) = url.strip_prefix("sqlite:") {
        let connection = Connection::open(file).expect("the file opens");
        let sql = "SELECT digest FROM secrets WHERE id = ?1";
        let id = SecretId::new(moment, random).to_text();
        Digest::from_bytes(connection.query_row(sql, [id], |row| row.get(0)).expect("the last secret is there"))
    } else {
        Digest::of(&i64::from(last).to_be_bytes())
    };
    let read = data::open(url).await.grant(&digest).await.expect("a grant is read");
    let grant = read.grant.expect("the last key is there");
    assert_eq!((grant.key, grant.secret), (KeyId::new(moment, random), SecretId::new(moment, random)));
    assert!(grant.standing == Standing::Active && grant.stores.is_all() && grant.methods.is_all());
    assert!(grant.row_revision <= read.head.revision);
}

fn chunks(count: u32) -> impl Iterator<Item = (u32, u32)> {
    (0..count).step_by(CHUNK as usize).map(move |first| (first, (first + CHUNK).min(count)))
}
