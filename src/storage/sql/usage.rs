//! Usage counts, which take no revision.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::connection::Connection;
use super::driver::{Insert, Purpose};
use super::text::Sql;
use super::value::{count, each};
use super::{Storage, requests, sessions};
use crate::model::id::KeyId;
use crate::model::time::Timestamp;
use crate::storage::{Result, UsageCount, UsageIncrement, UsagePeriod};

/// How long hourly counts are kept.
const HOURLY_RETENTION: Duration = Duration::from_hours(35 * 24);
/// How long daily counts are kept.
const DAILY_RETENTION: Duration = Duration::from_hours(400 * 24);
/// The number of an unknown method or store.
const UNKNOWN: u32 = 0;

const COUNTS: &[&str] = &["key_id", "start", "method_number", "store_number", "allowed", "calls"];

static ADD_HOURLY: Insert = Insert::new(
    "add_usage_hourly",
    "usage_hourly",
    COUNTS,
    "ON CONFLICT (key_id, start, method_number, store_number, allowed) \
                  DO UPDATE SET calls = usage_hourly.calls + excluded.calls",
);

static ADD_DAILY: Insert = Insert::new(
    "add_usage_daily",
    "usage_daily",
    COUNTS,
    "ON CONFLICT (key_id, start, method_number, store_number, allowed) \
                  DO UPDATE SET calls = usage_daily.calls + excluded.calls",
);

static ADD_KEY_USES: Insert = Insert::new(
    "add_key_uses",
    "key_uses",
    &["key_id", "last_used_at"],
    "ON CONFLICT (key_id) DO UPDATE SET last_used_at = excluded.last_used_at \
                  WHERE key_uses.last_used_at < excluded.last_used_at",
);

static ADD_SECRET_USES: Insert = Insert::new(
    "add_secret_uses",
    "secret_uses",
    &["secret_id", "last_used_at"],
    "ON CONFLICT (secret_id) DO UPDATE SET last_used_at = excluded.last_used_at \
                  WHERE secret_uses.last_used_at < excluded.last_used_at",
);

/// Returns the start of the period that contains `at`.
fn start(at: Timestamp, period: UsagePeriod) -> Timestamp {
    const HOUR: i64 = 3_600_000_000;
    let length = match period {
        UsagePeriod::Hour => HOUR,
        UsagePeriod::Day => 24 * HOUR,
    };
    Timestamp::from_micros(at.as_micros().div_euclid(length) * length)
}

/// Adds counts, and updates last uses. Everything is written in the order of its keys, so that replicas that count the
/// same keys at once wait for each other and do not deadlock.
pub(super) async fn add(mut connection: Connection, adds: &[UsageIncrement]) -> Result<()> {
    if adds.is_empty() {
        return Ok(());
    }
    let methods = adds.iter().filter_map(|add| add.method.map(|method| method.0)).collect();
    let sql = sql!("SELECT number FROM methods WHERE number " (NUMBERS 1));
    let methods = existing_numbers(&mut connection, "known_methods", sql, methods).await?;
    let stores = adds.iter().filter_map(|add| add.store.map(|store| store.0)).collect();
    let sql = sql!("SELECT number FROM stores WHERE number " (NUMBERS 1));
    let stores = existing_numbers(&mut connection, "known_stores", sql, stores).await?;
    for (insert, period) in [(&ADD_HOURLY, UsagePeriod::Hour), (&ADD_DAILY, UsagePeriod::Day)] {
        let mut counts: BTreeMap<_, u64> = BTreeMap::new();
        for add in adds {
            let method = add.method.map(|method| method.0).filter(|number| methods.contains(number));
            let store = add.store.map(|store| store.0).filter(|number| stores.contains(number));
            let key = (add.key, start(add.last, period), method.unwrap_or(UNKNOWN), store.unwrap_or(UNKNOWN));
            let calls = counts.entry((key, add.allowed)).or_default();
            *calls = calls.saturating_add(add.calls);
        }
        let rows = counts.into_iter().map(|(((key, start, method, store), allowed), calls)| {
            let calls = i64::try_from(calls).unwrap_or(i64::MAX);
            vec![key.to_string().into(), start.into(), method.into(), store.into(), allowed.into(), calls.into()]
        });
        connection.insert(insert, rows.collect()).await?;
    }
    // Only allowed calls count as uses.
    let (mut keys, mut secrets) = (BTreeMap::new(), BTreeMap::new());
    for add in adds.iter().filter(|add| add.allowed) {
        let last: &mut Timestamp = keys.entry(add.key).or_insert(add.last);
        *last = add.last.max(*last);
        let last: &mut Timestamp = secrets.entry(add.secret).or_insert(add.last);
        *last = add.last.max(*last);
    }
    let rows = keys.into_iter().map(|(key, last)| vec![key.to_string().into(), last.into()]);
    connection.insert(&ADD_KEY_USES, rows.collect()).await?;
    let rows = secrets.into_iter().map(|(secret, last)| vec![secret.to_string().into(), last.into()]);
    connection.insert(&ADD_SECRET_USES, rows.collect()).await?;
    connection.commit("commit_usage").await
}

/// Returns those of `numbers` that `sql` finds.
async fn existing_numbers(
    connection: &mut Connection,
    name: &'static str,
    sql: Sql<'_>,
    numbers: HashSet<u32>,
) -> Result<HashSet<u32>> {
    if numbers.is_empty() {
        return Ok(numbers);
    }
    let rows = connection.rows(name, sql, vec![each(numbers)]).await?;
    rows.into_iter().map(|row| row.read(name).number("number")).collect()
}

/// The counts of a key in one table, by names: for people, a store created again under its code is the same.
macro_rules! counts {
    ($table:literal) => {
        concat!(
            "SELECT c.start, coalesce(m.identity, '') AS method, coalesce(s.code, '') AS store, c.allowed, \
             CAST(sum(c.calls) AS bigint) FROM ",
            $table,
            " c LEFT JOIN methods m ON m.number = c.method_number LEFT JOIN stores s ON s.number = c.store_number \
             WHERE c.key_id = $1 AND c.start >= $2 AND c.start < $3 GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT $4"
        )
    };
}

impl Storage {
    /// Returns the counts of a key from `start` until before `end`, oldest first, at most `limit`.
    pub async fn usage(
        &self,
        key: KeyId,
        start: Timestamp,
        end: Timestamp,
        period: UsagePeriod,
        limit: usize,
    ) -> Result<Vec<UsageCount>> {
        let connection = &mut self.connect(Purpose::Read).await?;
        let (table, sql) = match period {
            UsagePeriod::Hour => ("usage_hourly", counts!("usage_hourly")),
            UsagePeriod::Day => ("usage_daily", counts!("usage_daily")),
        };
        let params = vec![key.to_string().into(), start.into(), end.into(), count(limit)];
        let rows = connection.rows("usage", sql, params).await?;
        let counts = rows.into_iter().map(|row| {
            let mut reader = row.read(table);
            Ok(UsageCount {
                start: reader.time("start")?,
                method: reader.text("method")?,
                store: reader.text("store")?,
                allowed: reader.bool("allowed")?,
                calls: reader.number("calls")?,
            })
        });
        counts.collect()
    }
}

/// Deletes counts after their retention time.
pub(super) async fn delete_expired(mut connection: Connection, now: Timestamp) -> Result<()> {
    for (name, sql, kept) in [
        ("sweep_usage_hourly", "DELETE FROM usage_hourly WHERE start < $1", HOURLY_RETENTION),
        ("sweep_usage_daily", "DELETE FROM usage_daily WHERE start < $1", DAILY_RETENTION),
        ("sweep_requests", "DELETE FROM requests WHERE created_at < $1", requests::RETENTION),
        ("sweep_sessions", "DELETE FROM sessions WHERE created_at < $1", sessions::RETENTION),
    ] {
        connection.execute(name, sql, vec![now.minus(kept).into()]).await?;
    }
    super::lost::delete_expired(&mut connection, now).await?;
    connection.commit("commit_sweep").await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_begin_at_whole_hours_and_days_in_utc() {
        let at: Timestamp = "2026-11-24T13:59:59.999999Z".parse().unwrap();
        assert_eq!(start(at, UsagePeriod::Hour).to_string(), "2026-11-24T13:00:00Z");
        assert_eq!(start(at, UsagePeriod::Day).to_string(), "2026-11-24T00:00:00Z");
        let before: Timestamp = "1969-12-31T23:30:00Z".parse().unwrap();
        assert_eq!(start(before, UsagePeriod::Day).to_string(), "1969-12-31T00:00:00Z");
    }
}
