//! Building a list's conditions.

use super::connection::Connection;
use super::dialect::SqlDialect;
use super::value::{SqlRow, SqlValue};
use crate::model::page::PageRequest;
use crate::storage::Result;

/// The conditions of a list, and their parameters.
#[derive(Debug)]
pub(super) struct Select {
    dialect: SqlDialect,
    conditions: Vec<String>,
    pub(super) params: Vec<SqlValue>,
}

impl Select {
    /// Creates an empty list of conditions.
    pub(super) const fn new(dialect: SqlDialect) -> Self {
        Self { dialect, conditions: Vec::new(), params: Vec::new() }
    }

    /// Adds a parameter and returns its name.
    pub(super) fn bind(&mut self, value: SqlValue) -> String {
        self.params.push(value);
        format!("${}", self.params.len())
    }

    /// Adds a condition.
    pub(super) fn filter(&mut self, condition: &str) {
        self.conditions.push(condition.to_owned());
    }

    /// Adds a condition that ends with a parameter.
    pub(super) fn filter_by(&mut self, condition: &str, value: SqlValue) {
        let parameter = self.bind(value);
        self.conditions.push(format!("{condition} {parameter}"));
    }

    /// Adds the condition that `column`, which is in lower case, contains `text`, ignoring case.
    pub(super) fn filter_text(&mut self, column: &str, text: &str) {
        // Every text contains the empty one.
        if !text.is_empty() {
            let parameter = self.bind(text.to_lowercase().into());
            self.conditions.push(self.dialect.contains(column, &parameter));
        }
    }

    /// Runs `select` (`SELECT … FROM …`) with these conditions, in this order: a page and one more.
    pub(super) async fn rows(
        self,
        connection: &mut Connection,
        name: &'static str,
        select: &str,
        order: &str,
        page: &PageRequest,
    ) -> Result<Vec<SqlRow>> {
        let conditions = if self.conditions.is_empty() { "TRUE".to_owned() } else { self.conditions.join(" AND ") };
        let sql = format!("{select} WHERE {conditions} ORDER BY {order} LIMIT {}", page.size + 1);
        connection.rows(name, &sql, self.params).await
    }
}
