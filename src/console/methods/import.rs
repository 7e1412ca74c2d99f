//! Importing a reference book: its text is sent, the changes are previewed, and only previewed changes are applied.

use askama::Template;
use axum::extract::State;
use http::StatusCode;

use super::preview::{Preview, drafts, fingerprint};
use crate::books::{self, BookError};
use crate::console::{
    Console, ENGLISH, FormFields, FormPost, PageLayout, PageResult, Session, paths, redirect, render_with,
};
use crate::model::operator::Permission;
use crate::model::violations::Violations;
use crate::registry::{Error, ImportMethods, MethodDraft, WriteOptions};

/// Errors that are listed.
const MAX_LISTED: usize = 50;

#[derive(Debug, Template)]
#[template(path = "methods/import.html")]
struct ImportPage {
    page: PageLayout,
    yaml: String,
    retire: bool,
    why: String,
    /// Errors in the text, at most 50, and how many more there are.
    errors: Vec<String>,
    further: usize,
    preview: Option<Preview>,
    /// Fingerprint of the preview: applied only if it is still the same.
    fingerprint: String,
}

impl ImportPage {
    fn new(session: &Session, yaml: String) -> Self {
        let page = PageLayout::new(session, paths::METHODS, ENGLISH.import.title);
        Self {
            page: page.with_scripts(&["import.js"]),
            yaml,
            retire: false,
            why: String::new(),
            errors: Vec::new(),
            further: 0,
            preview: None,
            fingerprint: String::new(),
        }
    }

    fn show_errors(self, mut errors: Vec<String>) -> PageResult {
        let further = errors.len().saturating_sub(MAX_LISTED);
        errors.truncate(MAX_LISTED);
        render_with(StatusCode::UNPROCESSABLE_ENTITY, &Self { errors, further, ..self })
    }
}

/// Shows the form, empty or with the built-in book (`?book=retailcrm`).
pub(super) async fn form(session: Session, query: FormFields) -> PageResult {
    session.require(Permission::Edit)?;
    let yaml = if query.text("book") == "retailcrm" { books::RETAILCRM } else { "" };
    render_with(StatusCode::OK, &ImportPage::new(&session, yaml.to_owned()))
}

/// Previews the changes, or applies what was previewed.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    let (session, fields) = (&post.session, &post.fields);
    session.require(Permission::Edit)?;
    let shown = ImportPage {
        retire: fields.text("retire") == "yes",
        why: fields.trimmed("why"),
        ..ImportPage::new(session, fields.text("yaml").to_owned())
    };
    let methods = match books::parse(&shown.yaml) {
        Ok(book) => drafts(book),
        Err(error) => return shown.show_errors(book_errors(error)),
    };
    let mut request = ImportMethods { methods, retire_missing: shown.retire, dry_run: true };
    let options = WriteOptions { comment: shown.why.clone(), replica_wait: None };
    let diff = match console.registry.import_methods(&session.caller, &request, &options).await {
        Ok((diff, _)) => diff,
        Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => {
            return shown.show_errors(describe_violations(&violations, &request.methods));
        }
        Err(error) => return Err(error.into()),
    };
    let fingerprint = fingerprint(&request, &diff);
    if fields.has("apply") && fields.text("seen") == fingerprint {
        request.dry_run = false;
        let (_, written) = console.registry.import_methods(&session.caller, &request, &options).await?;
        return Ok(match written {
            Some(written) => console.redirect(paths::METHODS, "imported", &written).await,
            None => redirect(&paths::with_query(paths::METHODS, &[("done", "imported")])),
        });
    }
    let preview = Preview::new(&console.all_methods().await?, &request.methods, diff);
    render_with(StatusCode::OK, &ImportPage { preview: Some(preview), fingerprint, ..shown })
}

/// Returns the errors of a text that is not a book.
fn book_errors(error: BookError) -> Vec<String> {
    match error {
        BookError::Invalid(violations) => violations.iter().map(ToString::to_string).collect(),
        BookError::TooLarge { .. } | BookError::UnknownFormat { .. } | BookError::Malformed { .. } => {
            vec![error.to_string()]
        }
    }
}

/// Describes the registry's violations, with the methods' names in place of their numbers.
fn describe_violations(violations: &Violations, methods: &[MethodDraft]) -> Vec<String> {
    let name = |field: &str| {
        let (number, rest) = field.strip_prefix("methods[")?.split_once(']')?;
        let method = methods.get(number.parse::<usize>().ok()?)?;
        Some(format!("{}{}", method.method, rest.replace('.', ": ")))
    };
    let violations = violations.listed().iter();
    violations
        .map(|wrong| format!("{}: {}", name(&wrong.field).unwrap_or_else(|| wrong.field.clone()), wrong.description))
        .collect()
}
