//! Building a list's conditions.

use super::connection::Connection;
use super::dialect::Dialect;
use super::value::{Row, Value};
use crate::model::page::PageRequest;
use crate::storage::Result;

/// The conditions of a list, and their parameters.
#[derive(Debug)]
pub(super) struct Select {
    dialect: Dialect,
    conditions: Vec<String>,
    pub(super) params: Vec<Value>,
}

impl Select {
    /// Creates an empty list of conditions.
    pub(super) const fn new(dialect: Dialect) -> Self {
        Self { dialect, conditions: Vec::new(), params: Vec::new() }
    }

    /// Adds a parameter and returns its name.
    pub(super) fn bind(&mut self, value: Value) -> String {
        self.params.push(value);
        format!("${}", self.params.len())
    }

    /// Adds a condition.
    pub(super) fn only(&mut self, condition: &str) {
        self.conditions.push(condition.to_owned());
    }

    /// Adds a condition that ends with a parameter.
    pub(super) fn only_with(&mut self, condition: &str, value: Value) {
        let parameter = self.bind(value);
        self.conditions.push(format!("{condition} {parameter}"));
    }

    /// Adds the condition that `column`, which is in lower case, contains `text`, ignoring case.
    pub(super) fn only_text(&mut self, column: &str, text: &str) {
        // Every text contains the empty one.
        if !text.is_empty() {
            let parameter = self.bind(text.to_lowercase().into());
            self.conditions.push(self.dialect.occurs(column, &parameter));
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
    ) -> Result<Vec<Row>> {
        let conditions = if self.conditions.is_empty() { "TRUE".to_owned() } else { self.conditions.join(" AND ") };
        let sql = format!("{select} WHERE {conditions} ORDER BY {order} LIMIT {}", page.size + 1);
        connection.rows(name, &sql, self.params).await
    }
}
