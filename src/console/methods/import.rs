//! Importing a reference book: its text is sent, the changes are previewed, and only previewed changes are applied.

use askama::Template;
use axum::extract::{RawQuery, State};
use http::StatusCode;

use super::preview::{Preview, drafts, fingerprint};
use crate::books::{self, BookError};
use crate::console::Console;
use crate::console::error::PageError;
use crate::console::form::FormFields;
use crate::console::form_post::FormPost;
use crate::console::layout::PageLayout;
use crate::console::nav::Section;
use crate::console::paths;
use crate::console::render::{PageResult, redirect, render_with};
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
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

/// The contents of the form.
#[derive(Debug, Default)]
struct ImportForm {
    yaml: String,
    retire: bool,
    why: String,
}

/// Shows the form, empty or with the built-in book (`?book=retailcrm`).
pub(super) async fn form(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> PageResult {
    session.require(Permission::Edit)?;
    let query = FormFields::parse(query.unwrap_or_default().as_bytes());
    let yaml = if query.text("book") == "retailcrm" { books::RETAILCRM.to_owned() } else { String::new() };
    let form = ImportForm { yaml, ..ImportForm::default() };
    show(&console, &session, StatusCode::OK, form, Vec::new(), None)
}

/// Previews the changes, or applies what was previewed.
pub(super) async fn submit(State(console): State<Console>, post: FormPost) -> PageResult {
    let (session, fields) = (&post.session, &post.fields);
    session.require(Permission::Edit)?;
    let form = ImportForm {
        yaml: fields.text("yaml").to_owned(),
        retire: fields.text("retire") == "yes",
        why: fields.trimmed("why"),
    };
    let drafts = match books::parse(&form.yaml) {
        Ok(book) => drafts(book),
        Err(error) => return show_errors(&console, session, form, book_errors(error)),
    };
    let mut request = ImportMethods { methods: drafts, retire_missing: form.retire, dry_run: true };
    let options = WriteOptions { comment: form.why.clone(), replica_wait: None };
    let diff = match console.registry.import_methods(&session.caller, &request, &options).await {
        Ok((diff, _)) => diff,
        Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => {
            return show_errors(&console, session, form, describe_violations(&violations, &request.methods));
        }
        Err(error) => return Err(error.into()),
    };
    let fingerprint = fingerprint(&request, &diff);
    if fields.has("apply") && fields.text("seen") == fingerprint {
        request.dry_run = false;
        let (_, written) = console.registry.import_methods(&session.caller, &request, &options).await?;
        return Ok(redirect(&match written {
            Some(written) => console.path_with_notice(paths::METHODS, "imported", &written).await,
            None => paths::with_query(paths::METHODS, &[("done", "imported")]),
        }));
    }
    let preview = Preview::new(&console.all_methods().await?, &request.methods, diff);
    show(&console, session, StatusCode::OK, form, Vec::new(), Some((preview, fingerprint)))
}

fn show_errors(console: &Console, session: &Session, form: ImportForm, errors: Vec<String>) -> PageResult {
    show(console, session, StatusCode::UNPROCESSABLE_ENTITY, form, errors, None)
}

fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    form: ImportForm,
    mut errors: Vec<String>,
    preview: Option<(Preview, String)>,
) -> Result<axum::response::Response, PageError> {
    let page = PageLayout::new(console, session, Section::Methods, ENGLISH.import.title).with_scripts(&["import.js"]);
    let further = errors.len().saturating_sub(MAX_LISTED);
    errors.truncate(MAX_LISTED);
    let (preview, fingerprint) = preview.unzip();
    let ImportForm { yaml, retire, why } = form;
    render_with(
        status,
        &ImportPage { page, yaml, retire, why, errors, further, preview, fingerprint: fingerprint.unwrap_or_default() },
    )
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
