//! The audit trail as the oracle reads it.

use latchkey::proto::v1 as proto;
use prost_types::value::Kind;
use serde_json::Value;
use tonic::Status;

/// Query of the table `changes` for [`History::from_rows`].
pub const CHANGES_QUERY: &str = "SELECT revision, ordinal, subject_kind, subject_id, after FROM changes";

/// One change of one subject.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// The revision that made it.
    pub revision: u64,
    /// Its position within the revision.
    pub ordinal: u32,
    /// `key`, `store`, `method` or `operator`.
    pub kind: String,
    /// Id of the subject.
    pub subject: String,
    /// State of the subject after the change; `None` if it is gone.
    pub after: Option<Value>,
}

/// All changes ever made, in order.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The changes, ordered by revision and ordinal.
    pub changes: Vec<Change>,
}

impl History {
    /// Creates the history of these changes, given in any order.
    #[must_use]
    pub fn new(mut changes: Vec<Change>) -> Self {
        changes.sort_by_key(|change| (change.revision, change.ordinal));
        Self { changes }
    }

    /// Reads the whole audit trail: `list` calls `ListChanges`.
    ///
    /// # Panics
    ///
    /// When a call fails.
    pub async fn fetch(
        mut list: impl AsyncFnMut(proto::ListChangesRequest) -> Result<proto::ListChangesResponse, Status>,
    ) -> Self {
        let mut changes = Vec::new();
        let mut page_token = String::new();
        loop {
            let request = proto::ListChangesRequest { page_size: 1_000, page_token, ..Default::default() };
            let page = list(request).await.expect("the audit trail is told");
            changes.extend(page.changes.into_iter().map(|change| Change {
                revision: change.revision,
                ordinal: change.ordinal,
                kind: change.subject_kind,
                subject: change.subject_id,
                after: change.after.map(object),
            }));
            if page.next_page_token.is_empty() {
                return Self::new(changes);
            }
            page_token = page.next_page_token;
        }
    }

    /// Parses the history from rows of [`CHANGES_QUERY`], every value as text.
    ///
    /// # Panics
    ///
    /// When they have a different format.
    #[must_use]
    pub fn from_rows(rows: &[Vec<Option<String>>]) -> Self {
        let change = |row: &Vec<Option<String>>| {
            let text = |at: usize| row[at].as_deref().expect("the column is never null");
            Change {
                revision: text(0).parse().expect("a revision"),
                ordinal: text(1).parse().expect("a place"),
                kind: text(2).to_owned(),
                subject: text(3).to_owned(),
                after: row[4].as_deref().map(|image| serde_json::from_str(image).expect("an image is JSON")),
            }
        };
        Self::new(rows.iter().map(change).collect())
    }

    /// Returns the newest revision; 0 if there is none.
    #[must_use]
    pub fn latest_revision(&self) -> u64 {
        self.changes.last().map_or(0, |change| change.revision)
    }

    /// Returns complaints about missing and duplicate revisions and ordinals.
    pub(super) fn gaps(&self) -> Vec<String> {
        let mut complaints = Vec::new();
        let (mut revision, mut next) = (0, 0);
        for change in &self.changes {
            let expected = if change.revision == revision { next } else { 0 };
            if change.ordinal != expected || (change.revision != revision && change.revision != revision + 1) {
                let found = format!("r{}.{}", change.revision, change.ordinal);
                complaints.push(format!("the history goes from r{revision} to {found}: something is missing"));
            }
            (revision, next) = (change.revision, change.ordinal + 1);
        }
        complaints
    }
}

fn object(fields: prost_types::Struct) -> Value {
    Value::Object(fields.fields.into_iter().map(|(name, field)| (name, value(field))).collect())
}

fn value(value: prost_types::Value) -> Value {
    match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::NumberValue(number)) => number.into(),
        Some(Kind::StringValue(text)) => text.into(),
        Some(Kind::BoolValue(truth)) => truth.into(),
        Some(Kind::StructValue(fields)) => object(fields),
        Some(Kind::ListValue(list)) => Value::Array(list.values.into_iter().map(self::value).collect()),
    }
}
