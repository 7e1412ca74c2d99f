//! Usage counts, which take no revision.

use std::collections::{BTreeMap, HashSet};
use std::time::Duration;

use super::connection::Connection;
use super::dialect::Sql;
use super::driver::{Insert, Purpose};
use super::value::{SqlRow, each};
use super::{Storage, changes, operators, write_keys};
use crate::model::id::KeyId;
use crate::model::time::Timestamp;
use crate::storage::{Result, UsageCount, UsageIncrement, UsagePeriod};

/// How long hourly counts are kept.
const HOURLY_RETENTION: Duration = Duration::from_hours(35 * 24);
/// How long daily counts are kept.
const DAILY_RETENTION: Duration = Duration::from_hours(400 * 24);
/// The number of an unknown method or store.
const UNKNOWN: u32 = 0;

const ADD: &str = "ON CONFLICT (key_id, start, method_number, store_number, allowed) \
                   DO UPDATE SET calls = t.calls + excluded.calls";
const ADD_HOURLY: Insert = Insert {
    name: "add_usage_hourly",
    into: "usage_hourly AS t (key_id, start, method_number, store_number, allowed, calls)",
    on_conflict: ADD,
};
const ADD_DAILY: Insert = Insert {
    name: "add_usage_daily",
    into: "usage_daily AS t (key_id, start, method_number, store_number, allowed, calls)",
    on_conflict: ADD,
};
const ADD_KEY_USES: Insert = Insert {
    name: "add_key_uses",
    into: "key_uses AS t (key_id, last_used_at)",
    on_conflict: "ON CONFLICT (key_id) DO UPDATE SET last_used_at = excluded.last_used_at \
                  WHERE t.last_used_at < excluded.last_used_at",
};
const ADD_SECRET_USES: Insert = Insert {
    name: "add_secret_uses",
    into: "secret_uses AS t (secret_id, last_used_at)",
    on_conflict: "ON CONFLICT (secret_id) DO UPDATE SET last_used_at = excluded.last_used_at \
                  WHERE t.last_used_at < excluded.last_used_at",
};

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
            let (method, store) = (method.unwrap_or(UNKNOWN), store.unwrap_or(UNKNOWN));
            let calls = counts.entry((add.key, start(add.last, period), method, store, add.allowed)).or_default();
            *calls = calls.saturating_add(add.calls);
        }
        let row = |((key, start, method, store, allowed), calls)| params![key, start, method, store, allowed, calls];
        connection.insert(insert, counts.into_iter().map(row).collect()).await?;
    }
    // Only allowed calls count as uses.
    let (mut keys, mut secrets) = (BTreeMap::new(), BTreeMap::new());
    for add in adds.iter().filter(|add| add.allowed) {
        for last in [keys.entry(add.key).or_insert(add.last), secrets.entry(add.secret).or_insert(add.last)] {
            *last = add.last.max(*last);
        }
    }
    connection.insert(&ADD_KEY_USES, keys.into_iter().map(|(key, last)| params![key, last]).collect()).await?;
    let secrets = secrets.into_iter().map(|(secret, last)| params![secret, last]).collect();
    connection.insert(&ADD_SECRET_USES, secrets).await?;
    connection.commit("commit_usage").await
}

async fn existing_numbers(
    connection: &mut Connection,
    name: &'static str,
    sql: Sql<'_>,
    numbers: HashSet<u32>,
) -> Result<HashSet<u32>> {
    if numbers.is_empty() {
        return Ok(numbers);
    }
    Ok(connection.column(name, sql, params![each(numbers)], (name, "number")).await?.into_iter().collect())
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
        let table = match period {
            UsagePeriod::Hour => "usage_hourly",
            UsagePeriod::Day => "usage_daily",
        };
        // By names: for people, a store created again under its code is the same.
        let sql = format!(
            "SELECT c.start, coalesce(m.identity, '') AS method, coalesce(s.code, '') AS store, c.allowed, \
             CAST(sum(c.calls) AS bigint) FROM {table} c LEFT JOIN methods m ON m.number = c.method_number \
             LEFT JOIN stores s ON s.number = c.store_number WHERE c.key_id = $1 AND c.start >= $2 AND c.start < $3 \
             GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4 LIMIT $4"
        );
        let mut rows = connection.rows("usage", sql.as_str(), params![key, start, end, limit], table).await?;
        let read = |row: &mut SqlRow| Ok(record!(row => UsageCount { start, method, store, allowed, calls }));
        rows.iter_mut().map(read).collect()
    }
}

pub(super) async fn delete_expired(mut connection: Connection, now: Timestamp) -> Result<()> {
    for (name, sql, kept) in [
        ("sweep_usage_hourly", "DELETE FROM usage_hourly WHERE start < $1", HOURLY_RETENTION),
        ("sweep_usage_daily", "DELETE FROM usage_daily WHERE start < $1", DAILY_RETENTION),
        ("sweep_requests", "DELETE FROM requests WHERE created_at < $1", write_keys::REQUEST_RETENTION),
        ("sweep_sessions", "DELETE FROM sessions WHERE created_at < $1", operators::SESSION_RETENTION),
        ("sweep_lost_changes", "DELETE FROM lost_changes WHERE noticed_at < $1", changes::LOST_RETENTION),
    ] {
        connection.execute(name, sql, params![now.minus(kept)]).await?;
    }
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
