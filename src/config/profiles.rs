//! Profiles: how a gateway reads the requests of an API and formats its errors. Defined by tables `[profiles.NAME]` of
//! the TOML file; `plain` and `retailcrm` are built in, and every other profile extends one of them.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::method::{StoreLocation, StorePlace};
use crate::model::pattern::MethodIdentity;
use crate::model::text::is_word;

/// The largest body that a profile may have read, in bytes.
pub const MAX_BODY: usize = 16 << 20;

/// How a gateway reads the requests of an API and formats its errors.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each is a line of the configuration by itself")]
pub struct Profile {
    /// The paths that it governs: this one and those below it; `/` for all.
    pub prefix: String,
    /// Whether it applies to requests without a named profile, if it has the longest matching prefix.
    pub by_prefix: bool,
    /// Locations of the key. All are checked; requests with different keys are refused.
    pub keys: Vec<KeyLocation>,
    /// Locations of the store in requests to methods whose entry in the reference book specifies none. They are checked
    /// in all requests: the key must have access to every store mentioned anywhere.
    pub stores: Vec<StorePlace>,
    /// Whether the host identifies the store, by the hosts of the stores.
    pub host: bool,
    /// Locations in `stores` with another meaning in requests to a method.
    pub not_stores: Vec<(MethodIdentity, StorePlace)>,
    /// Query and form parameters that change how the store is read, and the one value allowed for each.
    pub fixed: BTreeMap<String, String>,
    /// Error format.
    pub wording: ErrorFormat,
    /// Whether the service behind the gateway applies the scope it receives, so that a call need not name a store.
    pub upstream_applies_scope: bool,
    /// Whether the service behind the gateway reads key and stores only at the locations named here and in the
    /// reference book, and lets no parameter override the HTTP method. A body that cannot be inspected then matters
    /// only if one of these locations is in bodies.
    pub upstream_reads_only_places: bool,
    /// The largest body that is read, in bytes.
    pub body_limit: usize,
    /// Whether the gateway itself responds to requests about the calling key, in the format of `wording`.
    pub answers: bool,
    /// The versions of the API in such responses.
    pub versions: Vec<String>,
}

/// The location of a key in a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyLocation {
    /// A header of this name, in lower case.
    Header(String),
    /// `authorization: Bearer …`.
    Bearer,
    /// A query parameter.
    Query(String),
    /// A field of the body, urlencoded or multipart.
    Form(String),
}

/// Error format.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ErrorFormat {
    /// RFC 6750 and RFC 9457.
    #[default]
    Plain,
    /// As clients of the `RetailCRM` API expect it.
    RetailCrm,
}

/// A profile in the configuration file. Omitted fields keep the values of the built-in profile that it extends.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ProfileTable {
    like: Option<String>,
    prefix: Option<String>,
    keys: Option<Vec<String>>,
    stores: Option<Vec<String>>,
    not_stores: Option<Vec<String>>,
    fixed: Option<BTreeMap<String, String>>,
    wording: Option<String>,
    upstream_applies_scope: Option<bool>,
    upstream_reads_only_places: Option<bool>,
    body_limit: Option<usize>,
    answers: Option<bool>,
    versions: Option<Vec<String>>,
}

/// Parameters by which some framework lets a client override the HTTP method of a request: Symfony, Laravel, Rails,
/// Rack, Yii, CakePHP, Slim and Spring read `_method`, ASP.NET the names of the headers.
pub(crate) const OVERRIDES: [&str; 7] =
    ["_method", "_http_method", "_httpmethod", "_verb", "x-http-method-override", "x-http-method", "x-method-override"];

/// Returns the built-in profiles: `plain` applies to everything, `retailcrm` to requests that are assigned to it by
/// name.
pub fn built_in() -> BTreeMap<String, Profile> {
    BTreeMap::from([("plain".to_owned(), plain()), ("retailcrm".to_owned(), retailcrm())])
}

/// Adds the profiles of the table `profiles` to the built-in ones. Reports all errors to `report`.
pub(super) fn read(tables: toml::Value, mut report: impl FnMut(String)) -> BTreeMap<String, Profile> {
    let mut profiles = built_in();
    let toml::Value::Table(tables) = tables else {
        report("profiles must be tables: [profiles.NAME]".to_owned());
        return profiles;
    };
    for (name, table) in tables {
        if !is_word(&name, 64, b"_-") {
            report(format!(
                "profiles.{name}: the name of a profile must be 1–64 of a-z 0-9 _ -, starting with a letter"
            ));
            continue;
        }
        let toml::Value::Table(table) = table else {
            report(format!("profiles.{name} must be a table: [profiles.NAME], followed by its settings"));
            continue;
        };
        let shapes: Vec<String> = table.iter().filter_map(|(field, value)| shape_error(field, value)).collect();
        if !shapes.is_empty() {
            for shape in shapes {
                report(format!("profiles.{name}: {shape}"));
            }
            continue;
        }
        match table.try_into::<ProfileTable>() {
            Ok(table) => {
                let profile = table.profile(&name, &mut |sentence| report(format!("profiles.{name}: {sentence}")));
                profiles.insert(name, profile);
            }
            Err(error) => report(format!("profiles.{name}: {}", error.message())),
        }
    }
    profiles
}

/// Returns the error in the shape of a field. Unknown names are reported elsewhere.
fn shape_error(name: &str, value: &toml::Value) -> Option<String> {
    let shape = match name {
        "like" | "prefix" | "wording" => "a string",
        "keys" | "stores" | "not_stores" | "versions" => "a list of strings, such as [\"query:site\"]",
        "fixed" => "a table of strings, such as { siteBy = \"code\" }",
        "upstream_applies_scope" | "upstream_reads_only_places" | "answers" => "true or false",
        "body_limit" => "a number of bytes, such as 1048576",
        _ => return None,
    };
    let alone = toml::Table::from_iter([(name.to_owned(), value.clone())]);
    alone.try_into::<ProfileTable>().is_err().then(|| format!("{name} must be {shape}"))
}

fn plain() -> Profile {
    Profile {
        prefix: "/".to_owned(),
        by_prefix: true,
        keys: vec![KeyLocation::Bearer, KeyLocation::Header("x-api-key".to_owned())],
        body_limit: 1 << 20,
        ..Profile::default()
    }
}

fn retailcrm() -> Profile {
    let place = |text: &str| text.parse().expect("a built-in location is valid");
    let method = |text: &str| text.parse().expect("a built-in method is valid");
    let edit = "POST /api/v*/reference/sites/{code}/edit";
    Profile {
        prefix: "/api".to_owned(),
        by_prefix: false,
        keys: vec![
            KeyLocation::Header("x-api-key".to_owned()),
            KeyLocation::Query("apiKey".to_owned()),
            KeyLocation::Form("apiKey".to_owned()),
        ],
        stores: ["query:site", "form:site", "json:site", "query:filter[sites][]", "form:filter[sites][]"]
            .map(place)
            .into(),
        // Here the field contains the store itself, as JSON; the path identifies which one.
        not_stores: vec![(method(edit), place("form:site")), (method(edit), place("json:site"))],
        // With siteBy=id a path contains a numeric id of the CRM instead of a code.
        fixed: BTreeMap::from([("siteBy".to_owned(), "code".to_owned())]),
        wording: ErrorFormat::RetailCrm,
        answers: true,
        versions: ["3.0", "4.0", "5.0"].map(str::to_owned).into(),
        ..plain()
    }
}

// === impl Profile ===

impl Profile {
    /// Returns whether it searches bodies for the key or the store, whatever the reference book specifies.
    pub fn reads_bodies(&self) -> bool {
        self.keys.iter().any(|place| matches!(place, KeyLocation::Form(_)))
            || self.stores.iter().any(|place| matches!(place.location(), StoreLocation::Form | StoreLocation::Json))
    }

    /// Finds locations that assign two meanings to one part of a request, or that are never read.
    fn contradictions(&self) -> impl Iterator<Item = String> {
        let both = self.keys.iter().filter_map(|key| {
            let (location, name) = match key {
                KeyLocation::Bearer => return None,
                KeyLocation::Header(name) => (StoreLocation::Header, name),
                KeyLocation::Query(name) => (StoreLocation::Query, name),
                KeyLocation::Form(name) => (StoreLocation::Form, name),
            };
            let is_both = self.stores.iter().any(|store| store.location() == location && store.name() == name);
            is_both.then(|| format!("{name} is in both keys and stores; remove it from one of them"))
        });
        let authorization = [KeyLocation::Bearer, KeyLocation::Header("authorization".to_owned())];
        let bearer = authorization.iter().all(|key| self.keys.contains(key)).then(|| {
            "bearer and header:authorization read the same header in different ways; remove one of them".to_owned()
        });
        let idle = self.not_stores.iter().filter(|(_, place)| !self.stores.contains(place));
        let idle = idle.map(|(method, place)| {
            format!("not_stores has {place} for {method}, but {place} is not in stores; remove it")
        });
        both.chain(bearer).chain(idle)
    }

    /// Returns whether it applies to the canonical path `path`.
    pub fn governs(&self, path: &str) -> bool {
        let below = path.strip_prefix(self.prefix.trim_end_matches('/'));
        below.is_some_and(|below| below.is_empty() || below.starts_with('/'))
    }
}

// === impl ProfileTable ===

impl ProfileTable {
    fn profile(self, name: &str, report: &mut impl FnMut(String)) -> Profile {
        let like = self.like.as_deref().unwrap_or(if name == "retailcrm" { name } else { "plain" });
        let mut profile = built_in().remove(like).unwrap_or_else(|| {
            report(format!("like is `{like}`; it must be plain or retailcrm"));
            plain()
        });
        profile.by_prefix = true;
        if let Some(prefix) = self.prefix {
            let canonical = crate::model::path::canonicalize(&prefix).is_ok_and(|path| path.as_str() == prefix);
            if !canonical {
                report(format!("prefix is `{prefix}`; it must be a path such as /api, without a slash at the end"));
            }
            profile.prefix = prefix;
        }
        if let Some(keys) = self.keys {
            profile.keys = keys.iter().filter_map(|text| ok_or_report(parse_key_location(text), report)).collect();
            if keys.is_empty() {
                report("keys is empty, so no request could contain a key".to_owned());
            }
        }
        if let Some(stores) = self.stores {
            profile.host = stores.iter().any(|text| text == "host");
            let places = stores.iter().filter(|text| *text != "host");
            profile.stores = places.filter_map(|text| ok_or_report(parse_store_place(text), report)).collect();
            // Drops exceptions of the built-in profile for locations that are no longer read.
            profile.not_stores.retain(|(_, place)| profile.stores.contains(place));
        }
        if let Some(exceptions) = self.not_stores {
            profile.not_stores =
                exceptions.iter().filter_map(|text| ok_or_report(parse_exception(text), report)).collect();
        }
        if let Some(fixed) = self.fixed {
            for name in fixed.keys() {
                if let Err(error) = format!("query:{name}").parse::<StorePlace>() {
                    report(format!("fixed.{name}: {error}"));
                }
            }
            profile.fixed = fixed;
        }
        match self.wording.as_deref() {
            None => {}
            Some("plain") => profile.wording = ErrorFormat::Plain,
            Some("retailcrm") => profile.wording = ErrorFormat::RetailCrm,
            Some(other) => report(format!("wording is `{other}`; it must be plain or retailcrm")),
        }
        if let Some(limit) = self.body_limit {
            if limit > MAX_BODY {
                report(format!("body_limit is {limit}; it must be 0 to {MAX_BODY} bytes"));
            }
            profile.body_limit = limit;
        }
        profile.upstream_applies_scope = self.upstream_applies_scope.unwrap_or(profile.upstream_applies_scope);
        profile.upstream_reads_only_places =
            self.upstream_reads_only_places.unwrap_or(profile.upstream_reads_only_places);
        profile.answers = self.answers.unwrap_or(profile.answers);
        if profile.answers && profile.wording == ErrorFormat::Plain {
            report("answers requires wording = \"retailcrm\"; set answers = false".to_owned());
        }
        profile.versions = self.versions.unwrap_or(profile.versions);
        for sentence in profile.contradictions() {
            report(sentence);
        }
        profile
    }
}

fn ok_or_report<T>(read: Result<T, String>, report: &mut impl FnMut(String)) -> Option<T> {
    read.map_err(report).ok()
}

fn parse_key_location(text: &str) -> Result<KeyLocation, String> {
    if text == "bearer" {
        return Ok(KeyLocation::Bearer);
    }
    let shape =
        || format!("`{text}` is not a valid location of a key; write bearer, header:NAME, query:NAME or form:NAME");
    let place: StorePlace = text.parse().map_err(|_| shape())?;
    if place.pointer().is_some() || place.repeated() {
        return Err(shape());
    }
    let name = place.name().to_owned();
    check_not_reserved(text, &place)?;
    match place.location() {
        StoreLocation::Header => Ok(KeyLocation::Header(name)),
        StoreLocation::Query => Ok(KeyLocation::Query(name)),
        StoreLocation::Form => Ok(KeyLocation::Form(name)),
        StoreLocation::Path | StoreLocation::Json => Err(shape()),
    }
}

fn parse_store_place(text: &str) -> Result<StorePlace, String> {
    let place: StorePlace = text.parse().map_err(|error| format!("`{text}`: {error}; or write host"))?;
    check_not_reserved(text, &place)?;
    if place.location() == StoreLocation::Path {
        return Err(format!("`{text}`: path is only allowed in the reference book, where paths have parameters"));
    }
    Ok(place)
}

/// Refuses a location that the gateway, or HTTP itself, reads differently.
fn check_not_reserved(text: &str, place: &StorePlace) -> Result<(), String> {
    let name = place.name().to_ascii_lowercase();
    match (place.location(), name.as_str()) {
        (StoreLocation::Header, "host") => {
            Err(format!("`{text}` is not allowed here; write host to match the host names of stores"))
        }
        (
            StoreLocation::Header,
            "connection" | "content-length" | "content-type" | "content-encoding" | "transfer-encoding" | "cookie"
            | "forwarded",
        ) => Err(format!("`{text}`: this header has a meaning in HTTP; use another one")),
        (StoreLocation::Header, name) if name.starts_with("x-latchkey-") => {
            Err(format!("`{text}`: headers x-latchkey-… from clients are dropped; use another header"))
        }
        (StoreLocation::Query | StoreLocation::Form | StoreLocation::Json, name) if OVERRIDES.contains(&name) => {
            Err(format!("`{text}`: {name} overrides the method and is refused; use another parameter"))
        }
        _ => Ok(()),
    }
}

fn parse_exception(text: &str) -> Result<(MethodIdentity, StorePlace), String> {
    let shape = || {
        format!(
            "`{text}` is not a valid exception; write VERB PATTERN LOCATION, such as POST /a/{{code}}/edit form:site"
        )
    };
    let (method, place) = text.rsplit_once(' ').ok_or_else(shape)?;
    Ok((method.parse().map_err(|_| shape())?, place.parse().map_err(|_| shape())?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> (BTreeMap<String, Profile>, Vec<String>) {
        let mut errors = Vec::new();
        let table = text.parse::<toml::Table>().unwrap().remove("profiles").unwrap();
        let profiles = read(table, |sentence| errors.push(sentence));
        (profiles, errors)
    }

    #[test]
    fn a_profile_begins_as_a_built_in_one() {
        let (profiles, errors) = parse(
            "[profiles.shop]\nlike = 'retailcrm'\nprefix = '/shop/api'\nupstream_applies_scope = true\n\
             [profiles.retailcrm]\nversions = ['5.0']\n[profiles.own]\nkeys = ['query:key']\nstores = ['host', 'header:X-Store']\n",
        );
        assert_eq!(errors, [""; 0]);
        let shop =
            Profile { prefix: "/shop/api".to_owned(), upstream_applies_scope: true, by_prefix: true, ..retailcrm() };
        assert_eq!(profiles["shop"], shop);
        let crm = Profile { versions: vec!["5.0".to_owned()], by_prefix: true, ..retailcrm() };
        assert_eq!(profiles["retailcrm"], crm);
        let own = Profile {
            keys: vec![KeyLocation::Query("key".to_owned())],
            stores: vec!["header:x-store".parse().unwrap()],
            host: true,
            ..plain()
        };
        assert_eq!(profiles["own"], own);
        assert_eq!(profiles["plain"], plain());
    }

    #[test]
    fn fewer_places_leave_what_was_excepted_at_the_others_behind() {
        let (profiles, errors) = parse(
            "[profiles.nginx]\nlike = 'retailcrm'\nkeys = ['query:apiKey']\nstores = ['query:site']\n\
             [profiles.forms]\nlike = 'retailcrm'\nstores = ['form:site']\n",
        );
        assert_eq!(errors, [""; 0]);
        assert!(profiles["nginx"].not_stores.is_empty() && !profiles["nginx"].reads_bodies());
        let excepted: Vec<_> = profiles["forms"].not_stores.iter().map(|(_, place)| place.to_string()).collect();
        assert_eq!(excepted, ["form:site"]);
    }

    #[test]
    fn what_is_wrong_is_said_with_what_would_be_right() {
        let (_, errors) = parse(
            "[profiles]\ng = 1\n[profiles.Bad]\n[profiles.a]\nlike = 'x'\nprefix = '/api/'\nkeys = ['cookie:k', 'query:k[]']\n\
             stores = ['path:site', 'site']\nnot_stores = ['form:site']\nfixed = { 'a b' = 'c' }\nwording = 'x'\n\
             body_limit = 99999999\nanswers = true\n[profiles.b]\nkeys = []\n[profiles.c]\nstore = ['query:site']\n\
             [profiles.d]\nkeys = 'bearer'\nbody_limit = '1MB'\nanswers = 1\nfixed = { a = 1 }\nprefix = 3\n\
             [profiles.e]\nstores = ['header:Host', 'header:content-type']\nkeys = ['header:X-Latchkey-Store', 'query:_method']\n\
             [profiles.f]\nkeys = ['bearer', 'header:authorization', 'query:k']\nstores = ['query:k']\n\
             not_stores = ['GET /a query:zz']\n",
        );
        let errors = errors.join("\n");
        for expected in [
            "profiles.Bad: the name of a profile must be",
            "profiles.a: like is `x`; it must be plain or retailcrm",
            "profiles.a: prefix is `/api/`",
            "profiles.a: `cookie:k` is not a valid location of a key",
            "profiles.a: `query:k[]` is not a valid location of a key",
            "profiles.a: `path:site`: path is only allowed",
            "profiles.a: `site`: a store location must be written",
            "profiles.a: `form:site` is not a valid exception",
            "profiles.a: fixed.a b: ",
            "profiles.a: wording is `x`",
            "profiles.a: body_limit is 99999999; it must be 0 to 16777216 bytes",
            "profiles.a: answers requires wording",
            "profiles.b: keys is empty",
            "profiles.c: unknown field `store`",
            "profiles.d: keys must be a list of strings, such as",
            "profiles.d: body_limit must be a number of bytes, such as 1048576",
            "profiles.d: answers must be true or false",
            "profiles.d: fixed must be a table of strings",
            "profiles.d: prefix must be a string",
            "profiles.e: `header:Host` is not allowed here; write host",
            "profiles.e: `header:content-type`: this header has a meaning in HTTP",
            "profiles.e: `header:X-Latchkey-Store`: headers x-latchkey-",
            "profiles.e: `query:_method`: _method overrides the method",
            "profiles.f: k is in both keys and stores",
            "profiles.f: bearer and header:authorization read the same header",
            "profiles.f: not_stores has query:zz for GET /a, but query:zz is not in stores",
            "profiles.g must be a table: [profiles.NAME]",
        ] {
            assert!(errors.contains(expected), "{expected:?} is not in\n{errors}");
        }
    }

    #[test]
    fn a_prefix_governs_whole_segments() {
        let governs = |prefix: &str, path: &str| Profile { prefix: prefix.to_owned(), ..plain() }.governs(path);
        assert!(governs("/", "/") && governs("/", "/a") && governs("/api", "/api") && governs("/api", "/api/v5"));
        assert!(!governs("/api", "/apis") && !governs("/api", "/") && !governs("/api", "/v5/api"));
    }
}
