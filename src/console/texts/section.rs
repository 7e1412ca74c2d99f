//! How the texts of a section are declared.

/// Declares sections: for each, a struct with a field for each text, and the English values.
macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident { $($field:ident: $text:expr,)+ })+) => {$(
        $(#[$doc])*
        #[derive(Debug)]
        pub(in crate::console) struct $name {
            $(pub(in crate::console) $field: &'static str,)+
        }

        impl $name {
            pub(in crate::console) const ENGLISH: Self = Self { $($field: $text,)+ };

            /// Returns the text of this name, if there is one.
            #[expect(clippy::allow_attributes, reason = "only some sections are looked up by name")]
            #[allow(dead_code, reason = "only some sections are looked up by name")]
            pub(in crate::console) fn get(&self, name: &str) -> Option<&'static str> {
                match name {
                    $(stringify!($field) => Some(self.$field),)+
                    _ => None,
                }
            }
        }
    )+};
}
pub(super) use texts;
