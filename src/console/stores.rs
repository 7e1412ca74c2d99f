//! Integration › Stores: the list, adding one, and the page of each.

use askama::Template;
use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use http::StatusCode;

use super::switch::parse_active;
use super::{
    Console, ENGLISH, Field, FieldErrors, Filters, Form, FormFields, FormPost, History, ListPage, Notice, PageError,
    PageLayout, PageResult, Session, found, paths, render, render_with,
};
use crate::model::id::KeyId;
use crate::model::operator::Permission;
use crate::model::store::{Store, StoreKind};
use crate::registry::{
    Choice, DeleteStore, Error, ListStores, Precondition, StoreDraft, SubjectRef, Update, WriteOptions,
};

pub(super) fn routes() -> Router<Console> {
    Router::new()
        .route(paths::STORES, get(list))
        .route("/integration/stores/new", get(add_form).post(add))
        // A store may have the code `new`, so the pages of single stores have another prefix.
        .route("/integration/store/{code}", get(show).post(update))
        .route("/integration/store/{code}/active", post(switch))
        .route("/integration/store/{code}/delete", post(delete))
}

#[derive(Debug, Template)]
#[template(path = "stores/list.html")]
struct StoresPage {
    page: PageLayout,
    list: ListPage<Store>,
}

async fn list(State(console): State<Console>, session: Session, query: FormFields) -> PageResult {
    let filters = Filters::read(paths::STORES, &["text", "activity", "kind", "platform"], &query);
    let request = ListStores {
        page: filters.page(0),
        active: match filters.get("activity") {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        },
        platform: Some(filters.owned("platform")).filter(|platform| !platform.is_empty()),
        kind: parse_kind(filters.get("kind")),
        text: filters.owned("text"),
    };
    let list = ListPage::new(filters, console.registry.stores(&request).await, |stores| stores)?;
    let page = PageLayout::new(&session, paths::STORES, ENGLISH.nav.stores);
    let page = page.with_scripts(&["list.js"]).with_notice(Notice::from_query(&query, console.authority.now()));
    render_with(list.status(), &StoresPage { page, list })
}

#[derive(Debug, Template)]
#[template(path = "stores/add.html")]
struct AddStorePage {
    page: PageLayout,
    form: Form,
}

async fn add_form(session: Session) -> PageResult {
    session.require(Permission::Edit)?;
    show_add_form(&session, StatusCode::OK, Form::default())
}

/// Saves it, or shows the form again with the errors.
async fn add(State(console): State<Console>, post: FormPost) -> PageResult {
    post.session.require(Permission::Edit)?;
    let mut form = Form::read(&FIELDS, &post.fields);
    match console.registry.create_store(&post.session.caller, &draft(&form), &form.options()).await {
        Ok((store, written)) => Ok(console.redirect(&paths::store(store.code.as_str()), "store_added", &written).await),
        Err(error) => {
            form.errors.extend_from(error)?;
            form.errors.reword("store.kind", ENGLISH.stores.choose_kind);
            show_add_form(&post.session, StatusCode::UNPROCESSABLE_ENTITY, form)
        }
    }
}

fn show_add_form(session: &Session, status: StatusCode, form: Form) -> PageResult {
    let page = PageLayout::new(session, paths::STORES, ENGLISH.stores.add_title);
    render_with(status, &AddStorePage { page, form })
}

#[derive(Debug, Template)]
#[template(path = "stores/show.html")]
struct StorePage {
    page: PageLayout,
    store: Store,
    form: Form,
    /// Ids and names of keys that deleting it would bind to their one remaining store.
    rebinding: Vec<(String, String)>,
    history: History,
}

impl StorePage {
    async fn load(console: &Console, session: &Session, code: &str) -> Result<Self, PageError> {
        let store = found(console.registry.store(code).await)?;
        Ok(Self {
            page: PageLayout::new(session, paths::STORES, store.name.clone()),
            form: Form::from_image(&FIELDS, &store.image()),
            rebinding: Vec::new(),
            history: console.history("store", code).await?,
            store,
        })
    }
}

async fn show(
    State(console): State<Console>,
    session: Session,
    Path(code): Path<String>,
    query: FormFields,
) -> PageResult {
    let mut shown = StorePage::load(&console, &session, &code).await?;
    shown.page.notice = Notice::from_query(&query, console.authority.now());
    render(&shown)
}

/// Saves it, or shows the page again with errors or a conflict.
async fn update(State(console): State<Console>, Path(code): Path<String>, post: FormPost) -> PageResult {
    let session = &post.session;
    session.require(Permission::Edit)?;
    let mut form = Form::read(&FIELDS, &post.fields);
    let etag = post.fields.text("etag");
    let mask = FIELDS.iter().map(|field| field.name().to_owned()).filter(|name| name != "code").collect();
    let update = Update { id: code.clone(), draft: draft(&form), mask, etag: etag.to_owned() };
    match console.registry.update_store(&session.caller, &update, &form.options()).await {
        Ok((_, written)) => Ok(console.redirect(&paths::store(&code), "saved", &written).await),
        Err(Error::Stale(_)) => {
            let mut shown = StorePage::load(&console, session, &code).await?;
            shown.form = console.merge(form, ("store", &code), etag, &shown.store.image()).await?;
            render_with(StatusCode::CONFLICT, &shown)
        }
        Err(error) => {
            form.errors.extend_from(error)?;
            form.errors.reword("store.kind", ENGLISH.stores.choose_kind);
            let shown = StorePage::load(&console, session, &code).await?;
            render_with(StatusCode::UNPROCESSABLE_ENTITY, &StorePage { form, ..shown })
        }
    }
}

/// Applies the form's value unless the store changed since the form was rendered, and returns to the sender's page.
async fn switch(State(console): State<Console>, Path(code): Path<String>, post: FormPost) -> PageResult {
    let active = parse_active(&post.fields)?;
    let update = Update {
        id: code.clone(),
        draft: StoreDraft { active: Some(active), ..StoreDraft::default() },
        mask: vec!["active".to_owned()],
        etag: post.fields.text("etag").to_owned(),
    };
    let switched = console.registry.update_store(&post.session.caller, &update, &WriteOptions::default()).await;
    let page = (&*paths::store(&code), &*format!("store-{code}"));
    let action = if active { "store_on" } else { "store_off" };
    console.switched(&post.fields, page, action, ENGLISH.stores.changed_meanwhile, switched).await
}

/// Deletes it. If keys would be left with one store, to which they then bind, requires confirmation first.
async fn delete(State(console): State<Console>, Path(code): Path<String>, post: FormPost) -> PageResult {
    let (session, fields) = (&post.session, &post.fields);
    session.require(Permission::Edit)?;
    if fields.text("sure") != "yes" {
        let mut shown = StorePage::load(&console, session, &code).await?;
        shown.form.errors = FieldErrors::one("sure", ENGLISH.common.sure_first);
        return render_with(StatusCode::UNPROCESSABLE_ENTITY, &shown);
    }
    let request = DeleteStore {
        store: SubjectRef { id: code.clone(), etag: fields.text("etag").to_owned() },
        allow_rebinding: fields.text("allow_rebinding") == "yes",
    };
    match console.registry.delete_store(&session.caller, &request, &WriteOptions::default()).await {
        Ok((_, written)) => Ok(console.redirect(paths::STORES, "store_deleted", &written).await),
        Err(Error::Precondition(Precondition::WouldRebind { keys })) => {
            let mut shown = StorePage::load(&console, session, &code).await?;
            shown.rebinding = key_names(&console, &keys).await;
            render_with(StatusCode::CONFLICT, &shown)
        }
        Err(error) => Err(error.into()),
    }
}

async fn key_names(console: &Console, keys: &[KeyId]) -> Vec<(String, String)> {
    let mut named = Vec::new();
    for id in keys.iter().map(ToString::to_string) {
        let name = console.registry.key(&id).await.map_or_else(|_| id.clone(), |key| key.spec.name);
        named.push((id, name));
    }
    named
}

const FIELDS: [Field; 5] =
    [Field::Line("code"), Field::Line("name"), Field::Line("kind"), Field::Line("platform"), Field::Lines("hosts")];

/// The registry's fields that the form has, next to which it shows their errors.
const FORM_FIELDS: [&str; 7] =
    ["store.code", "store.name", "store.kind", "store.platform", "store.hosts", "options.comment", "sure"];

/// The kinds, with their names in forms and the audit trail.
const KINDS: [(&str, StoreKind); 3] =
    [("site", StoreKind::Site), ("landing_page", StoreKind::LandingPage), ("online_store", StoreKind::OnlineStore)];

fn draft(form: &Form) -> StoreDraft {
    StoreDraft {
        code: form.text("code").to_owned(),
        name: form.text("name").to_owned(),
        kind: parse_kind(form.text("kind")),
        platform: form.text("platform").to_owned(),
        hosts: form.text("hosts").split_whitespace().map(str::to_owned).collect(),
        active: None,
    }
}

fn parse_kind(name: &str) -> Choice<StoreKind> {
    KINDS.into_iter().find(|(known, _)| *known == name).map_or(Choice::Unset, |(_, kind)| Choice::Is(kind))
}

/// Returns the options of the field for kinds: the value sent, the name shown.
pub(super) fn kinds() -> [(&'static str, &'static str); 3] {
    KINDS.map(|(name, kind)| (name, kind_name(kind)))
}

/// Returns the name of a kind for people.
pub(super) const fn kind_name(kind: StoreKind) -> &'static str {
    let t = &ENGLISH.stores;
    match kind {
        StoreKind::Site => t.kind_site,
        StoreKind::LandingPage => t.kind_landing_page,
        StoreKind::OnlineStore => t.kind_online_store,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_says_what_its_store_says() {
        let image = serde_json::json!({"code": "de", "name": "Shop", "kind": "landing_page", "platform": "", "hosts": ["a.test", "b.test"]});
        let form = Form::from_image(&FIELDS, &image);
        let draft_of_form = draft(&form);
        assert_eq!(draft_of_form.kind, Choice::Is(StoreKind::LandingPage));
        assert_eq!(draft_of_form.hosts, ["a.test", "b.test"]);
        let sent = FormFields::parse(b"code=de&name=+Shop+&kind=landing_page&hosts=a.test%0Ab.test");
        assert_eq!(Form::read(&FIELDS, &sent), form);
        assert_eq!(draft(&Form::default()).kind, Choice::Unset, "no kind is chosen for anybody");
    }
}
