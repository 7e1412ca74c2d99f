//! Every text of the console, in one module, so that a language can be added: another value of [`Texts`].
//!
//! One file per section. Texts with numbers or names in them are functions next to their section's texts.

mod common;
pub(super) mod key_form;
pub(super) mod key_page;
pub(super) mod keys;
mod methods;
mod operators;
mod oversight;
mod section;
mod stores;
mod unconfirmed;

use self::common::{Common, Done, Failures, Nav, SignIn};
use self::key_form::KeyForm;
use self::key_page::{Actions, FieldNames, KeyEdit, KeyPage, Subjects};
use self::keys::Keys;
use self::methods::{Import, Methods};
use self::operators::Operators;
use self::oversight::{Audit, Find, Replicas};
use self::stores::Stores;
use self::unconfirmed::{Outcomes, Risks, Unconfirmed};

/// All texts of a language.
#[derive(Debug)]
pub(super) struct Texts {
    /// The language, as HTML names it.
    pub(super) language: &'static str,
    pub(super) common: Common,
    pub(super) nav: Nav,
    pub(super) sign_in: SignIn,
    pub(super) failures: Failures,
    pub(super) done: Done,
    pub(super) unconfirmed: Unconfirmed,
    pub(super) outcomes: Outcomes,
    pub(super) risks: Risks,
    pub(super) keys: Keys,
    pub(super) key_form: KeyForm,
    pub(super) key_page: KeyPage,
    pub(super) key_edit: KeyEdit,
    pub(super) stores: Stores,
    pub(super) methods: Methods,
    pub(super) import: Import,
    pub(super) find: Find,
    pub(super) audit: Audit,
    pub(super) replicas: Replicas,
    pub(super) operators: Operators,
    pub(super) actions: Actions,
    pub(super) subjects: Subjects,
    pub(super) fields: FieldNames,
}

/// The texts in English.
pub(super) static ENGLISH: Texts = Texts {
    language: "en",
    common: Common::ENGLISH,
    nav: Nav::ENGLISH,
    sign_in: SignIn::ENGLISH,
    failures: Failures::ENGLISH,
    done: Done::ENGLISH,
    unconfirmed: Unconfirmed::ENGLISH,
    outcomes: Outcomes::ENGLISH,
    risks: Risks::ENGLISH,
    keys: Keys::ENGLISH,
    key_form: KeyForm::ENGLISH,
    key_page: KeyPage::ENGLISH,
    key_edit: KeyEdit::ENGLISH,
    stores: Stores::ENGLISH,
    methods: Methods::ENGLISH,
    import: Import::ENGLISH,
    find: Find::ENGLISH,
    audit: Audit::ENGLISH,
    replicas: Replicas::ENGLISH,
    operators: Operators::ENGLISH,
    actions: Actions::ENGLISH,
    subjects: Subjects::ENGLISH,
    fields: FieldNames::ENGLISH,
};
