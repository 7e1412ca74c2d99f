//! How an entry of the reference book treats stores: whether a request to the method names one, and the locations of
//! its code in the request.
//!
//! A location is written `LOCATION:NAME[#POINTER]`:
//!
//! ```text
//! query:site                      the parameter `site` of the query
//! query:filter[sites][]           a repeated parameter: filter[sites], filter[sites][] or filter[sites][0]
//! form:site                       a field of a form, urlencoded or multipart
//! form:order#/customer/site       JSON text in a form field; the pointer (RFC 6901) leads to the code within it
//! form:prices#/-/site             `-` stands for every element of an array
//! path:site                       the parameter `{site}` of the method's pattern
//! header:x-store                  a header, in any case
//! json:order#/customer/site       a member of a JSON body; if it is JSON text, the pointer continues inside
//! json:#/-/site                   no name: the whole JSON body
//! ```

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::pattern::Verb;
use super::text::named;

/// The longest name in a location, in characters.
pub const MAX_NAME_CHARS: usize = 128;
/// The longest pointer in a location, in bytes.
pub const MAX_POINTER_BYTES: usize = 256;
/// The most steps in a pointer.
pub const MAX_POINTER_STEPS: usize = 16;

named! {
    /// Whether requests to a method name a store, in the order that choices are shown.
    #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
    pub enum StoreUse {
        /// Requests contain no store. The data may still belong to stores: the scope of a decision limits it.
        None = "none",
        /// Requests contain no store and need none: the method reads data that belongs to no store, such as a list of
        /// countries. Any key with access to the method may call it, whatever its stores. Only for verbs that read.
        Shared = "shared",
        /// A request may name stores. The default for methods that set nothing.
        #[default]
        Optional = "optional",
        /// A request that names no store is refused, unless the key has access to exactly one store and binds to it.
        Required = "required",
    }
}

named! {
    /// The part of a request that contains a store code, by its name before the colon of a location.
    #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
    pub enum StoreLocation {
        /// A query parameter.
        Query = "query",
        /// A field of the body, urlencoded or multipart.
        Form = "form",
        /// A parameter of the method's pattern.
        Path = "path",
        /// A header.
        Header = "header",
        /// A member of a JSON body.
        Json = "json",
    }
}

/// The location of a store code in a request. Created only by parsing, so it is always well-formed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorePlace {
    location: StoreLocation,
    name: String,
    pointer: Option<String>,
    repeated: bool,
}

/// A text that is not a valid [`StoreUse`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
#[error("the store use must be none, shared, optional or required")]
pub struct StoreUseError;

/// Why a text is not a valid [`StorePlace`].
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[expect(missing_docs, reason = "the messages say what each variant and its fields mean")]
pub enum PlaceError {
    #[error("a store location must be written LOCATION:NAME, such as query:site")]
    NoLocation,
    #[error("a store location must start with query, form, path, header or json")]
    UnknownLocation,
    #[error("a store location needs a name after the colon, such as {0}:site")]
    NoName(StoreLocation),
    #[error("the name in a store location has {0} characters; the maximum is {MAX_NAME_CHARS}")]
    LongName(usize),
    #[error("the name in a {location} location contains {found:?}; it may only contain {allowed}")]
    NameCharacter { location: StoreLocation, found: char, allowed: &'static str },
    #[error(
        "[] marks a repeated query or form parameter and is allowed once, at the end of the name; for a JSON array, \
         write #/-"
    )]
    Repeated,
    #[error("only query, form and json locations can have a pointer, because only they can contain JSON")]
    PointerLocation,
    #[error(
        "the pointer in a store location must be a JSON pointer: each step starts with /, with ~ written as ~0 and / \
         as ~1"
    )]
    Pointer,
    #[error(
        "the pointer in a store location must have at most {MAX_POINTER_BYTES} bytes and {MAX_POINTER_STEPS} steps"
    )]
    LongPointer,
}

impl StoreUse {
    /// Returns whether requests to the method contain no store.
    pub const fn reads_no_store(self) -> bool {
        matches!(self, Self::None | Self::Shared)
    }

    /// Returns why a method of this verb, with or without store locations, cannot be [`StoreUse::Shared`].
    pub fn shared_error(verb: Verb, has_places: bool) -> Option<&'static str> {
        if !matches!(verb, Verb::GET | Verb::HEAD) {
            Some("shared is only for methods that read (GET and HEAD), because a write would affect other stores")
        } else if has_places {
            Some(
                "shared means that requests carry no store, but there are store_places; remove them or choose optional",
            )
        } else {
            None
        }
    }
}

impl FromStr for StoreUse {
    type Err = StoreUseError;

    fn from_str(text: &str) -> Result<Self, StoreUseError> {
        Self::from_name(text).ok_or(StoreUseError)
    }
}

impl StoreLocation {
    /// Returns whether a value there can contain JSON for a pointer.
    fn holds_json(self) -> bool {
        matches!(self, Self::Query | Self::Form | Self::Json)
    }

    /// Refuses a name that is not valid in this location.
    fn check_name(self, name: &str) -> Result<(), PlaceError> {
        let chars = name.chars().count();
        if chars > MAX_NAME_CHARS {
            return Err(PlaceError::LongName(chars));
        }
        let (allowed, is_allowed): (_, fn(usize, char) -> bool) = match self {
            Self::Query | Self::Form | Self::Json => ("printable ASCII characters", |_, c| c.is_ascii_graphic()),
            // A token of RFC 9110: no other text can be the name of a received header.
            Self::Header => ("ASCII letters, digits and !#$%&'*+-.^_`|~", |_, c| {
                c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)
            }),
            Self::Path => ("ASCII letters, digits and _, starting with a letter", |at, c| {
                c.is_ascii_alphabetic() || at > 0 && (c.is_ascii_digit() || c == '_')
            }),
        };
        match name.char_indices().find(|&(at, c)| !is_allowed(at, c)) {
            Some((_, found)) => Err(PlaceError::NameCharacter { location: self, found, allowed }),
            None => Ok(()),
        }
    }
}

impl StorePlace {
    /// Returns the part of the request.
    pub fn location(&self) -> StoreLocation {
        self.location
    }

    /// Returns the location as forms and queries spell it: `site`, `filter[sites][]`, `prices[][site]`.
    pub fn as_parameter(&self) -> String {
        let mut written = self.name.clone();
        if self.repeated {
            written.push_str("[]");
        }
        for step in self.pointer.iter().flat_map(|pointer| pointer.split('/').skip(1)) {
            let step = if step == "-" { String::new() } else { step.replace("~1", "/").replace("~0", "~") };
            written.extend(["[", &step, "]"]);
        }
        written
    }

    /// Returns the name of the parameter, field, header (lower case) or member. Without the `[]` of a repeated one.
    /// Empty only for a whole JSON body.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the JSON pointer into it, starting with `/`; a step `-` means every element of an array.
    pub fn pointer(&self) -> Option<&str> {
        self.pointer.as_deref()
    }

    /// Returns whether the parameter is an array, written as `name`, `name[]`, `name[0]` and so on.
    pub fn repeated(&self) -> bool {
        self.repeated
    }
}

impl fmt::Display for StorePlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.location, self.name)?;
        if self.repeated {
            f.write_str("[]")?;
        }
        match &self.pointer {
            Some(pointer) => write!(f, "#{pointer}"),
            None => Ok(()),
        }
    }
}

impl FromStr for StorePlace {
    type Err = PlaceError;

    fn from_str(text: &str) -> Result<Self, PlaceError> {
        let (location, rest) = text.split_once(':').ok_or(PlaceError::NoLocation)?;
        let location = StoreLocation::from_name(location).ok_or(PlaceError::UnknownLocation)?;
        // A header's name may contain `#` and never has a pointer.
        let (name, pointer) = match rest.find("#/") {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None if location.holds_json() && rest.contains('#') => return Err(PlaceError::Pointer),
            None => (rest, None),
        };
        if pointer.is_some() && !location.holds_json() {
            return Err(PlaceError::PointerLocation);
        }
        let (name, repeated) = name.strip_suffix("[]").map_or((name, false), |name| (name, true));
        if repeated && (!matches!(location, StoreLocation::Query | StoreLocation::Form) || name.ends_with("[]")) {
            return Err(PlaceError::Repeated);
        }
        if name.is_empty() && !(location == StoreLocation::Json && pointer.is_some()) {
            return Err(PlaceError::NoName(location));
        }
        location.check_name(name)?;
        pointer.map_or(Ok(()), check_pointer)?;
        let name = if location == StoreLocation::Header { name.to_ascii_lowercase() } else { name.to_owned() };
        Ok(Self { location, name, pointer: pointer.map(str::to_owned), repeated })
    }
}

/// Refuses an invalid or too long JSON pointer. `pointer` starts with `/`.
fn check_pointer(pointer: &str) -> Result<(), PlaceError> {
    if pointer.len() > MAX_POINTER_BYTES || pointer.matches('/').count() > MAX_POINTER_STEPS {
        return Err(PlaceError::LongPointer);
    }
    // An empty step would be the member named "": a doubled or trailing slash is a typo instead.
    let empty_step = pointer[1..].split('/').any(str::is_empty);
    let bad_escape = pointer.split('~').skip(1).any(|rest| !rest.starts_with(['0', '1']));
    if empty_step || bad_escape || pointer.chars().any(char::is_control) {
        return Err(PlaceError::Pointer);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        text.parse::<StorePlace>().unwrap_err().to_string()
    }

    #[test]
    fn store_use_is_read_and_written_in_the_same_words() {
        for store_use in [StoreUse::None, StoreUse::Shared, StoreUse::Optional, StoreUse::Required] {
            assert_eq!(store_use.to_string().parse(), Ok(store_use));
        }
        assert_eq!("None".parse::<StoreUse>(), Err(StoreUseError));
    }

    #[test]
    fn a_place_is_read_and_written_in_the_same_words() {
        for text in [
            "query:site",
            "query:filter[sites][]",
            "form:site",
            "form:order#/customer/site",
            "form:prices#/-/site",
            "form:a[]#/b",
            "form:order#/a~1b~0c",
            "path:site",
            "header:x-store",
            "header:x#store",
            "json:order#/customer/site",
            "json:#/-/site",
        ] {
            let place: StorePlace = text.parse().expect(text);
            assert_eq!(place.to_string(), text);
            assert_eq!(place.to_string().parse(), Ok(place));
        }
    }

    #[test]
    fn a_place_falls_into_its_parts() {
        for (text, parts) in [
            ("query:filter[sites][]", (StoreLocation::Query, "filter[sites]", None, true)),
            ("form:prices#/-/site", (StoreLocation::Form, "prices", Some("/-/site"), false)),
        ] {
            let place: StorePlace = text.parse().unwrap();
            assert_eq!((place.location(), place.name(), place.pointer(), place.repeated()), parts, "{text}");
        }
    }

    #[test]
    fn header_names_are_folded_because_headers_have_no_case() {
        assert_eq!("header:X-Store".parse::<StorePlace>().unwrap().name(), "x-store");
        assert_eq!("query:Site".parse::<StorePlace>().unwrap().name(), "Site");
    }

    #[test]
    fn what_is_no_place_is_refused_with_what_would_be_right() {
        let long_name = format!("query:{}", "a".repeat(129));
        let long_pointer = format!("form:a#/{}", "b".repeat(256));
        let deep_pointer = format!("form:a#{}", "/b".repeat(17));
        let table: [(&[&str], &str); 10] = [
            (&["site", ""], "a store location must be written LOCATION:NAME, such as query:site"),
            (&["body:site", "Query:site"], "a store location must start with query, form, path, header or json"),
            (&["path:"], "a store location needs a name after the colon, such as path:site"),
            (&["form:#/a"], "a store location needs a name after the colon, such as form:site"),
            (&["json:"], "a store location needs a name after the colon, such as json:site"),
            (&["query:[]"], "a store location needs a name after the colon, such as query:site"),
            (
                &["query:my site"],
                "the name in a query location contains ' '; it may only contain printable ASCII characters",
            ),
            (
                &["header:x:store"],
                "the name in a header location contains ':'; it may only contain ASCII letters, digits and \
                 !#$%&'*+-.^_`|~",
            ),
            (&[&long_name], "the name in a store location has 129 characters; the maximum is 128"),
            (
                &[&long_pointer, &deep_pointer],
                "the pointer in a store location must have at most 256 bytes and 16 steps",
            ),
        ];
        for (texts, message) in table {
            for text in texts {
                assert_eq!(refusal(text), message, "{text:?}");
            }
        }
        let table: [(&[&str], &str); 4] = [
            (&["path:1site", "path:_site"], "the name in a path location contains"),
            (
                &["path:site[]", "header:x-store[]", "json:sites[]", "query:site[][]"],
                "[] marks a repeated query or form parameter",
            ),
            (&["header:x#/a", "path:site#/a"], "only query, form and json locations can have a pointer"),
            (
                &["form:a#", "form:a#b", "form:a#/", "form:a#/b//c", "form:a#/~2", "form:a#/~", "form:a#/\n"],
                "the pointer in a store location must be a JSON pointer",
            ),
        ];
        for (texts, beginning) in table {
            for text in texts {
                assert!(refusal(text).starts_with(beginning), "{text:?}");
            }
        }
    }

    #[test]
    fn bounds_are_met_exactly() {
        assert!(format!("query:{}", "a".repeat(128)).parse::<StorePlace>().is_ok());
        assert!(format!("form:a#/{}", "b".repeat(255)).parse::<StorePlace>().is_ok());
        assert!(format!("form:a#{}", "/b".repeat(16)).parse::<StorePlace>().is_ok());
    }
}
