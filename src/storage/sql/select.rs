//! Lists by conditions, in pages.

use std::str::FromStr;

use super::connection::Connection;
use super::value::{SqlRow, SqlValue};
use crate::model::page::{Page, PageRequest};
use crate::storage::{Error, Result};

pub(super) struct Select {
    connection: Connection,
    conditions: Vec<String>,
    params: Vec<SqlValue>,
}

impl Select {
    pub(super) const fn new(connection: Connection) -> Self {
        Self { connection, conditions: Vec::new(), params: Vec::new() }
    }

    fn bind(&mut self, value: impl Into<SqlValue>) -> String {
        self.params.push(value.into());
        format!("${}", self.params.len())
    }

    pub(super) fn filter(&mut self, condition: &str) {
        self.conditions.push(condition.to_owned());
    }

    /// Adds a condition that ends with a parameter, if it is set.
    pub(super) fn filter_by(&mut self, condition: &str, value: Option<impl Into<SqlValue>>) {
        if let Some(value) = value {
            let parameter = self.bind(value);
            self.conditions.push(format!("{condition} {parameter}"));
        }
    }

    /// Adds the condition that the column `search`, which is in lower case, contains `text`, ignoring case.
    pub(super) fn filter_text(&mut self, text: Option<&str>) {
        // Every text contains the empty one.
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            let parameter = self.bind(text.to_lowercase());
            self.conditions.push(self.connection.dialect.contains("search", &parameter));
        }
    }

    /// Adds a condition that ends with a pair of numbers: those of the sort key `after`, which belongs to `what`.
    pub(super) fn filter_after<A, B>(&mut self, what: &str, condition: &str, after: Option<&str>) -> Result<()>
    where
        A: FromStr + Into<SqlValue>,
        B: FromStr + Into<SqlValue>,
    {
        let Some(after) = after else { return Ok(()) };
        let pair = after.split_once(':').and_then(|(a, b)| Some((a.parse::<A>().ok()?, b.parse::<B>().ok()?)));
        let (a, b) = pair.ok_or_else(|| Error::bug(format!("a page of {what} starts after an invalid position")))?;
        let (a, b) = (self.bind(a), self.bind(b));
        self.conditions.push(format!("{condition} ({a}, {b})"));
        Ok(())
    }

    /// Reads these columns of the table with these conditions, in this order; returns a page.
    pub(super) async fn page<T>(
        mut self,
        (columns, table, order): (&str, &'static str, &str),
        page: &PageRequest,
        read: fn(&mut SqlRow) -> Result<T>,
        sort_key: fn(&T) -> String,
    ) -> Result<Page<T>> {
        let conditions = if self.conditions.is_empty() { "TRUE".to_owned() } else { self.conditions.join(" AND ") };
        let sql = format!("SELECT {columns} FROM {table} WHERE {conditions} ORDER BY {order} LIMIT {}", page.size + 1);
        let mut rows = self.connection.rows(table, sql.as_str(), self.params, table).await?;
        let items = rows.iter_mut().map(read).collect::<Result<Vec<_>>>()?;
        Ok(Page::cut(items, page.size, sort_key))
    }
}
