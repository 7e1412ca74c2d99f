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

use self::common::{CommonTexts, DoneTexts, NavTexts, PageErrorTexts, SignInTexts};
use self::key_form::KeyFormTexts;
use self::key_page::{ActionTexts, FieldNames, KeyEditTexts, KeyPageTexts, SubjectTexts};
use self::keys::KeyTexts;
use self::methods::{ImportTexts, MethodTexts};
use self::operators::OperatorTexts;
use self::oversight::{AuditTexts, FindTexts, ReplicaTexts};
use self::stores::StoreTexts;
use self::unconfirmed::{OutcomeTexts, RiskTexts, UnconfirmedTexts};

/// All texts of a language.
#[derive(Debug)]
pub(super) struct Texts {
    /// The language, as HTML names it.
    pub(super) language: &'static str,
    pub(super) common: CommonTexts,
    pub(super) nav: NavTexts,
    pub(super) sign_in: SignInTexts,
    pub(super) page_errors: PageErrorTexts,
    pub(super) done: DoneTexts,
    pub(super) unconfirmed: UnconfirmedTexts,
    pub(super) outcomes: OutcomeTexts,
    pub(super) risks: RiskTexts,
    pub(super) keys: KeyTexts,
    pub(super) key_form: KeyFormTexts,
    pub(super) key_page: KeyPageTexts,
    pub(super) key_edit: KeyEditTexts,
    pub(super) stores: StoreTexts,
    pub(super) methods: MethodTexts,
    pub(super) import: ImportTexts,
    pub(super) find: FindTexts,
    pub(super) audit: AuditTexts,
    pub(super) replicas: ReplicaTexts,
    pub(super) operators: OperatorTexts,
    pub(super) actions: ActionTexts,
    pub(super) subjects: SubjectTexts,
    pub(super) fields: FieldNames,
}

/// The texts in English.
pub(super) static ENGLISH: Texts = Texts {
    language: "en",
    common: CommonTexts::ENGLISH,
    nav: NavTexts::ENGLISH,
    sign_in: SignInTexts::ENGLISH,
    page_errors: PageErrorTexts::ENGLISH,
    done: DoneTexts::ENGLISH,
    unconfirmed: UnconfirmedTexts::ENGLISH,
    outcomes: OutcomeTexts::ENGLISH,
    risks: RiskTexts::ENGLISH,
    keys: KeyTexts::ENGLISH,
    key_form: KeyFormTexts::ENGLISH,
    key_page: KeyPageTexts::ENGLISH,
    key_edit: KeyEditTexts::ENGLISH,
    stores: StoreTexts::ENGLISH,
    methods: MethodTexts::ENGLISH,
    import: ImportTexts::ENGLISH,
    find: FindTexts::ENGLISH,
    audit: AuditTexts::ENGLISH,
    replicas: ReplicaTexts::ENGLISH,
    operators: OperatorTexts::ENGLISH,
    actions: ActionTexts::ENGLISH,
    subjects: SubjectTexts::ENGLISH,
    fields: FieldNames::ENGLISH,
};
