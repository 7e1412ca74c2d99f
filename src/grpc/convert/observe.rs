//! Conversion of changes, usage and replicas.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value};

use crate::model::change::Change;
use crate::proto::v1 as pb;
use crate::registry::{GetUsage, ListChanges, LostChange, PageInput, Replica, UsageCount};

use super::common::{Enumeration, count, duration, raw_time, time};

impl From<pb::ListChangesRequest> for ListChanges {
    fn from(request: pb::ListChangesRequest) -> Self {
        Self {
            page: PageInput { size: request.page_size, token: request.page_token },
            subject_kind: request.subject_kind,
            subject_id: request.subject_id,
            actor: request.actor,
            start: request.start_time.map(raw_time),
            end: request.end_time.map(raw_time),
        }
    }
}

impl From<Change> for pb::Change {
    fn from(change: Change) -> Self {
        Self {
            revision: change.revision.0,
            ordinal: change.ordinal,
            time: Some(time(change.at)),
            actor: change.actor,
            actor_name: change.actor_name,
            action: change.action,
            comment: change.comment,
            subject_kind: change.kind,
            subject_id: change.subject,
            before: change.before.map(image),
            after: change.after.map(image),
        }
    }
}

/// Converts the image of a subject. It is always an object; any other value would become the only field of one.
fn image(image: serde_json::Value) -> Struct {
    match image {
        serde_json::Value::Object(fields) => object(fields),
        other => Struct { fields: [("value".to_owned(), value(other))].into() },
    }
}

fn object(fields: serde_json::Map<String, serde_json::Value>) -> Struct {
    Struct { fields: fields.into_iter().map(|(name, field)| (name, value(field))).collect() }
}

fn value(json: serde_json::Value) -> Value {
    let kind = match json {
        serde_json::Value::Null => Kind::NullValue(0),
        serde_json::Value::Bool(value) => Kind::BoolValue(value),
        // Images contain no numbers that a double cannot represent.
        serde_json::Value::Number(number) => Kind::NumberValue(number.as_f64().unwrap_or(f64::NAN)),
        serde_json::Value::String(text) => Kind::StringValue(text),
        serde_json::Value::Array(list) => Kind::ListValue(ListValue { values: list.into_iter().map(value).collect() }),
        serde_json::Value::Object(fields) => Kind::StructValue(object(fields)),
    };
    Value { kind: Some(kind) }
}

impl From<pb::GetKeyUsageRequest> for GetUsage {
    fn from(request: pb::GetKeyUsageRequest) -> Self {
        Self {
            key_id: request.key_id,
            start: request.start_time.map(raw_time),
            end: request.end_time.map(raw_time),
            period: Enumeration::choice(request.period),
        }
    }
}

impl From<UsageCount> for pb::UsageCount {
    fn from(usage: UsageCount) -> Self {
        Self {
            start_time: Some(time(usage.start)),
            method: usage.method,
            store: usage.store,
            allowed: usage.allowed,
            calls: count(usage.calls),
        }
    }
}

impl From<LostChange> for pb::LostChange {
    fn from(change: LostChange) -> Self {
        Self {
            revision: change.cursor.to_string(),
            kind: change.kind,
            id: change.subject,
            action: change.action,
            ended_secret_ids: change.detail.ended_secrets,
            switched_off: change.detail.switched_off,
            notice_time: Some(time(change.noticed)),
            reported_by: change.reported_by.to_string(),
        }
    }
}

pub(in crate::grpc) fn replica(replica: Replica, live: bool) -> pb::Replica {
    pb::Replica {
        id: replica.report.id.to_string(),
        host: replica.report.host,
        version: replica.report.version,
        start_time: Some(time(replica.report.started)),
        report_time: Some(time(replica.reported)),
        applied_revision: replica.report.applied.0,
        live,
        max_staleness: replica.report.max_staleness.map(duration),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_image_is_told_with_all_that_it_holds() {
        let sent = image(serde_json::json!({
            "name": "main", "active": true, "expires": null, "position": 7, "stores": {"selected": ["a", "b"]},
        }));
        let kind = |name: &str| sent.fields[name].kind.clone().unwrap();
        assert_eq!(kind("name"), Kind::StringValue("main".to_owned()));
        assert_eq!(kind("active"), Kind::BoolValue(true));
        assert_eq!(kind("expires"), Kind::NullValue(0));
        assert_eq!(kind("position"), Kind::NumberValue(7.0));
        let Kind::StructValue(stores) = kind("stores") else { panic!("stores are an object") };
        let Some(Kind::ListValue(list)) = &stores.fields["selected"].kind else { panic!("selected is a list") };
        assert_eq!(list.values.len(), 2);
    }
}
