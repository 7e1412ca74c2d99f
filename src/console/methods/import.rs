//! Importing a reference book: its text is sent, the changes are previewed, and only previewed changes are applied.

use askama::Template;
use axum::extract::{RawQuery, State};
use http::StatusCode;

use super::preview::{Preview, drafts, fingerprint};
use crate::books::{self, BookError};
use crate::console::Console;
use crate::console::answer::{Answer, go, page_with};
use crate::console::failure::Failure;
use crate::console::form::Fields;
use crate::console::layout::Page;
use crate::console::nav::Place;
use crate::console::paths;
use crate::console::posted::Posted;
use crate::console::session::Session;
use crate::console::texts::ENGLISH;
use crate::model::operator::Permission;
use crate::model::violations::Violations;
use crate::registry::{Error, ImportMethods, MethodDraft, WriteOptions};

/// Faults that are listed.
const LISTED: usize = 50;

#[derive(Debug, Template)]
#[template(path = "methods/import.html")]
struct ImportPage {
    page: Page,
    yaml: String,
    retire: bool,
    why: String,
    /// Errors in the text, at most 50, and how many more there are.
    faults: Vec<String>,
    further: usize,
    preview: Option<Preview>,
    /// Fingerprint of the preview: applied only if it is still the same.
    seen: String,
}

/// The contents of the form.
#[derive(Debug, Default)]
struct ImportForm {
    yaml: String,
    retire: bool,
    why: String,
}

/// Shows the form, empty or with the built-in book (`?book=retailcrm`).
pub(super) async fn form(State(console): State<Console>, session: Session, RawQuery(query): RawQuery) -> Answer {
    session.need(Permission::Edit)?;
    let query = Fields::parse(query.unwrap_or_default().as_bytes());
    let yaml = if query.text("book") == "retailcrm" { books::RETAILCRM.to_owned() } else { String::new() };
    let form = ImportForm { yaml, ..ImportForm::default() };
    show(&console, &session, StatusCode::OK, form, Vec::new(), None)
}

/// Previews the changes, or applies what was previewed.
pub(super) async fn submit(State(console): State<Console>, posted: Posted) -> Answer {
    let (session, fields) = (&posted.session, &posted.fields);
    session.need(Permission::Edit)?;
    let form = ImportForm {
        yaml: fields.text("yaml").to_owned(),
        retire: fields.text("retire") == "yes",
        why: fields.trimmed("why"),
    };
    let drafts = match books::parse(&form.yaml) {
        Ok(book) => drafts(book),
        Err(error) => return wrong(&console, session, form, faults(error)),
    };
    let mut request = ImportMethods { methods: drafts, retire_missing: form.retire, dry_run: true };
    let options = WriteOptions { comment: form.why.clone(), replica_wait: None };
    let diff = match console.registry.import_methods(&session.caller, &request, &options).await {
        Ok((diff, _)) => diff,
        Err(Error::Invalid(violations) | Error::Taken { violations, .. }) => {
            return wrong(&console, session, form, told(&violations, &request.methods));
        }
        Err(error) => return Err(error.into()),
    };
    let seen = fingerprint(&request, &diff);
    if fields.has("apply") && fields.text("seen") == seen {
        request.dry_run = false;
        let (_, written) = console.registry.import_methods(&session.caller, &request, &options).await?;
        return Ok(go(&match written {
            Some(written) => console.done(paths::METHODS, "imported", &written).await,
            None => paths::with_query(paths::METHODS, &[("done", "imported")]),
        }));
    }
    let preview = Preview::new(&console.all_methods().await?, &request.methods, diff);
    show(&console, session, StatusCode::OK, form, Vec::new(), Some((preview, seen)))
}

fn wrong(console: &Console, session: &Session, form: ImportForm, faults: Vec<String>) -> Answer {
    show(console, session, StatusCode::UNPROCESSABLE_ENTITY, form, faults, None)
}

fn show(
    console: &Console,
    session: &Session,
    status: StatusCode,
    form: ImportForm,
    mut faults: Vec<String>,
    preview: Option<(Preview, String)>,
) -> Result<axum::response::Response, Failure> {
    let page = Page::new(console, session, Place::Methods, ENGLISH.import.title).with_scripts(&["import.js"]);
    let further = faults.len().saturating_sub(LISTED);
    faults.truncate(LISTED);
    let (preview, seen) = preview.unzip();
    let ImportForm { yaml, retire, why } = form;
    page_with(status, &ImportPage { page, yaml, retire, why, faults, further, preview, seen: seen.unwrap_or_default() })
}

/// Returns the errors of a text that is not a book.
fn faults(error: BookError) -> Vec<String> {
    match error {
        BookError::Invalid(violations) => violations.iter().map(ToString::to_string).collect(),
        BookError::TooLarge { .. } | BookError::UnknownFormat { .. } | BookError::Malformed { .. } => {
            vec![error.to_string()]
        }
    }
}

/// Describes the registry's violations, with the methods' names in place of their numbers.
fn told(violations: &Violations, methods: &[MethodDraft]) -> Vec<String> {
    let name = |field: &str| {
        let (number, rest) = field.strip_prefix("methods[")?.split_once(']')?;
        let method = methods.get(number.parse::<usize>().ok()?)?;
        Some(format!("{}{}", method.method, rest.replace('.', ": ")))
    };
    let told = violations.listed().iter();
    told.map(|wrong| format!("{}: {}", name(&wrong.field).unwrap_or_else(|| wrong.field.clone()), wrong.description))
        .collect()
}
