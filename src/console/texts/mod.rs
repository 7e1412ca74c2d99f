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

pub(super) use self::unconfirmed::WriteText;

/// Declares all texts of a language, section by section, and the English ones.
macro_rules! sections {
    ($($section:ident: $texts:ty,)+) => {
        /// All texts of a language.
        #[derive(Debug)]
        pub(super) struct Texts {
            /// The language, as HTML names it.
            pub(super) language: &'static str,
            writes: [WriteText; 18],
            $(pub(super) $section: $texts,)+
        }

        /// The texts in English.
        pub(super) static ENGLISH: Texts =
            Texts { language: "en", writes: unconfirmed::WRITES, $($section: <$texts>::ENGLISH,)+ };
    };
}

sections! {
    common: common::CommonTexts,
    nav: common::NavTexts,
    sign_in: common::SignInTexts,
    page_errors: common::PageErrorTexts,
    unconfirmed: unconfirmed::UnconfirmedTexts,
    keys: keys::KeyTexts,
    key_form: key_form::KeyFormTexts,
    key_page: key_page::KeyPageTexts,
    key_edit: key_page::KeyEditTexts,
    stores: stores::StoreTexts,
    methods: methods::MethodTexts,
    import: methods::ImportTexts,
    find: oversight::FindTexts,
    audit: oversight::AuditTexts,
    replicas: oversight::ReplicaTexts,
    operators: operators::OperatorTexts,
    actions: key_page::ActionTexts,
    subjects: key_page::SubjectTexts,
    fields: key_page::FieldNames,
}

impl Texts {
    /// Returns the texts of the write of this name, if there is one.
    pub(super) fn write(&self, name: &str) -> Option<&WriteText> {
        self.writes.iter().find(|write| write.name == name)
    }
}
