//! Requests about the calling key itself. Latchkey answers them: only it knows the key's access, and the service behind
//! the gateway no longer sees the key.

use serde::Serialize;

use super::read::ParsedRequest;
use super::refuse::{self, RefusalReason};
use super::{ClientResponse, Outcome};
use crate::authority::{Introspection, TokenAccess};
use crate::config::profiles::Profile;
use crate::model::decision::Reason;
use crate::model::pattern::Verb;

/// The question of such a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum InfoRequest {
    Credentials,
    Versions,
}

/// Pairs of methods that the API also lists as a single entry, because integrations look for that one.
const COMBINED_ENTRIES: [(&str, [&str; 2]); 1] =
    [("/api/payment/(updateInvoice|check)", ["/api/payment/update-invoice", "/api/payment/check"])];

/// Body of the credentials response. The order and spelling of the fields match what clients' own tests expect.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Credentials<'a> {
    success: bool,
    scopes: &'a [String],
    #[serde(rename = "credentials")]
    paths: Vec<String>,
    site_access: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    sites_available: Option<Vec<&'a str>>,
}

#[derive(Serialize)]
struct Versions<'a> {
    success: bool,
    versions: &'a [String],
}

impl InfoRequest {
    /// Returns the question of a request to the canonical `path`, with or without a version; `None` for other requests.
    pub(super) fn read(verb: Verb, path: &str, profile: &Profile) -> Option<Self> {
        if !profile.answers || !matches!(verb, Verb::GET | Verb::HEAD) {
            return None;
        }
        let below_prefix = path.strip_prefix(profile.prefix.trim_end_matches('/'))?.strip_prefix('/')?;
        let mut rest = below_prefix;
        if let Some((version, below)) = rest.split_once('/') {
            let digits = version.strip_prefix('v')?;
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return None;
            }
            rest = below;
        }
        match rest {
            "credentials" => Some(Self::Credentials),
            "api-versions" if rest == below_prefix => Some(Self::Versions),
            _ => None,
        }
    }
}

impl ParsedRequest<'_> {
    /// Returns the response to `request` if the key is valid.
    pub(super) fn info_response(&self, request: InfoRequest, introspection: &Introspection) -> Outcome {
        let profile = &self.named.profile;
        let mut facts = self.named.facts();
        facts.revision = introspection.revision.0;
        let Some(access) = &introspection.access else {
            let reason = introspection.refused.unwrap_or(Reason::KeyUnknown);
            return refuse::respond(profile.wording, &RefusalReason::FailedCheck(reason), facts);
        };
        facts.reason = "ANSWERED";
        facts.key = Some(access.key);
        let body = match request {
            InfoRequest::Credentials => serde_json::to_string(&credentials(access)),
            InfoRequest::Versions => serde_json::to_string(&Versions { success: true, versions: &profile.versions }),
        };
        Outcome::Answer(ClientResponse {
            status: 200,
            headers: refuse::json_headers("application/json; charset=utf-8"),
            body: body.unwrap_or_default(),
            facts,
        })
    }
}

fn credentials(access: &TokenAccess) -> Credentials<'_> {
    let mut paths: Vec<String> = access.methods.iter().map(|method| without_version(method)).collect();
    paths.sort_unstable();
    paths.dedup();
    for (combined, members) in COMBINED_ENTRIES {
        if members.iter().all(|member| paths.iter().any(|path| path == member)) {
            paths.push(combined.to_owned());
        }
    }
    Credentials {
        success: true,
        scopes: &access.scopes,
        paths,
        site_access: if access.all_stores { "access_full" } else { "access_selective" },
        sites_available: (!access.all_stores).then(|| access.stores.iter().map(|(code, _)| code.as_str()).collect()),
    }
}

/// Returns `/api/orders` for `GET /api/v*/orders`.
fn without_version(method: &str) -> String {
    let path = method.split_once(' ').map_or(method, |(_, path)| path);
    path.replacen("/v*/", "/", 1)
}
