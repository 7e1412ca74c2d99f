//! Texts of refusals. The holder of a key never learns whether it is unknown, revoked, switched off or expired: that
//! would help a thief.

use std::borrow::Cow;

use serde::Serialize;

use super::fault::Fault;
use super::{ClientResponse, LogFacts, Outcome};
use crate::config::profiles::ErrorFormat;
use crate::model::decision::Reason;

/// The prefix of each challenge.
const REALM: &str = "Bearer realm=\"latchkey\"";

#[derive(Debug)]
pub(super) enum RefusalReason<'a> {
    /// The first check that failed.
    FailedCheck(Reason),
    /// The key is for certain stores, and nothing limits the request to them: no store is named in this parameter, or
    /// the parameter is unknown.
    NotLimited(Option<String>),
    /// No method of the book has this verb, but one has another verb.
    OtherVerb,
    /// It can be read in more than one way.
    Fault(&'a Fault),
    /// The profile does not govern the path, or no profile does.
    NotGoverned,
    /// The proxy named an unknown profile.
    NoProfile,
}

/// The explanation for a key's holder, in every error format.
struct Explanation {
    status: u16,
    reason: &'static str,
    detail: Cow<'static, str>,
    /// The message for clients of the `RetailCRM` API, and its status.
    crm: (u16, Cow<'static, str>),
}

/// Fields in the order of RFC 9457.
#[derive(Serialize)]
struct Problem<'a> {
    title: &'static str,
    status: u16,
    detail: &'a str,
    reason: &'static str,
}

/// Fields in the order of the API.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CrmError<'a> {
    success: bool,
    error_msg: &'a str,
    /// Keyed by the parameter concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    errors: Option<CrmErrors<'a>>,
}

#[derive(Serialize)]
struct CrmErrors<'a> {
    site: &'a str,
}

/// Builds the refusal of a request from these facts, which lack only the reason.
pub(super) fn respond(wording: ErrorFormat, why: &RefusalReason<'_>, mut facts: LogFacts) -> Outcome {
    let explanation = explain(why);
    if let RefusalReason::Fault(fault) = why {
        facts.fault = fault.kind();
    }
    if facts.reason.is_empty() {
        facts.reason = match why {
            // Logs may contain the exact reason: the holder can't read them.
            RefusalReason::FailedCheck(reason) => reason.as_str(),
            _ => explanation.reason,
        };
    }
    Outcome::Refuse(match wording {
        ErrorFormat::Plain => plain(&explanation, facts),
        ErrorFormat::RetailCrm => {
            let (status, error_msg) = (explanation.crm.0, &*explanation.crm.1);
            // The message alone would be too vague.
            let needs_detail = matches!(
                why,
                RefusalReason::NotLimited(None)
                    | RefusalReason::FailedCheck(Reason::NoStoreOpen | Reason::MethodReadsNoStore)
            );
            let errors = needs_detail.then_some(CrmErrors { site: &explanation.detail });
            let body = serde_json::to_string(&CrmError { success: false, error_msg, errors });
            let headers = json_headers("application/json; charset=utf-8");
            ClientResponse { status, headers, body: body.unwrap_or_default(), facts }
        }
    })
}

/// Returns headers of a response that must not be cached: the next call with the same key may have another result.
pub(super) fn json_headers(content_type: &'static str) -> Vec<(&'static str, String)> {
    vec![("content-type", content_type.to_owned()), ("cache-control", "no-store".to_owned())]
}

fn plain(explanation: &Explanation, facts: LogFacts) -> ClientResponse {
    let Explanation { status, reason, detail, .. } = explanation;
    // The errors are those of RFC 6750.
    let (title, error) = match *status {
        400 => ("Bad Request", "invalid_request"),
        401 => ("Unauthorized", "invalid_token"),
        _ => ("Forbidden", "insufficient_scope"),
    };
    let challenge = if *reason == "KEY_MISSING" {
        REALM.to_owned()
    } else {
        // Only characters that a quoted description may have: the detail may contain parts of a request.
        let allowed = |letter: &char| matches!(letter, ' '..='~') && !matches!(letter, '"' | '\\');
        let description: String = detail.chars().filter(allowed).collect();
        format!("{REALM}, error=\"{error}\", error_description=\"{description}\"")
    };
    let mut headers = json_headers("application/problem+json");
    headers.push(("www-authenticate", challenge));
    let body = serde_json::to_string(&Problem { title, status: *status, detail, reason }).unwrap_or_default();
    ClientResponse { status: *status, headers, body, facts }
}

fn explain(why: &RefusalReason<'_>) -> Explanation {
    const DENIED: (u16, &str) = (403, "Access denied.");
    const INPUT: (u16, &str) = (400, "Errors in the input parameters");

    let fixed = |status, reason, detail: &'static str, crm: (u16, &'static str)| Explanation {
        status,
        reason,
        detail: detail.into(),
        crm: (crm.0, crm.1.into()),
    };
    match why {
        RefusalReason::NotLimited(Some(parameter)) => Explanation {
            detail: format!(
                "the key is limited to certain stores, and the request does not specify a store in {parameter}; add it"
            )
            .into(),
            crm: (400, format!("Parameter '{parameter}' is missing").into()),
            ..fixed(400, "STORE_REQUIRED", "", INPUT)
        },
        RefusalReason::NotLimited(None) => fixed(
            403,
            "STORE_REQUIRED",
            "the key is limited to certain stores, and the reference book does not define where requests to this \
             method name a store; use a key for all stores",
            DENIED,
        ),
        RefusalReason::OtherVerb => {
            fixed(403, "METHOD_UNKNOWN", "this API method does not exist with this verb", (405, "Method Not Allowed"))
        }
        RefusalReason::Fault(fault) => {
            Explanation { detail: fault.to_string().into(), ..fixed(400, "REQUEST_AMBIGUOUS", "", INPUT) }
        }
        RefusalReason::NotGoverned => fixed(403, "NOT_GOVERNED", "this path is not available", DENIED),
        RefusalReason::NoProfile => fixed(403, "PROFILE_UNKNOWN", "the proxy names an unknown profile", DENIED),
        RefusalReason::FailedCheck(reason) => match reason {
            Reason::KeyMissing => fixed(401, "KEY_MISSING", "the request has no key", (403, "\"apiKey\" is missing.")),
            Reason::KeyMalformed
            | Reason::KeyUnknown
            | Reason::KeyRevoked
            | Reason::KeyInactive
            | Reason::KeyNotYetValid
            | Reason::KeyExpired
            | Reason::SecretExpired => {
                fixed(401, "KEY_INVALID", "the key is not valid", (403, "Wrong \"apiKey\" value."))
            }
            Reason::NetworkDenied => fixed(403, "NETWORK_DENIED", "the key must not be used from this address", DENIED),
            Reason::MethodRequired | Reason::PathAmbiguous => fixed(
                400,
                "PATH_AMBIGUOUS",
                "the path is ambiguous: services may interpret it in different ways",
                DENIED,
            ),
            Reason::MethodUnknown => fixed(403, "METHOD_UNKNOWN", "unknown API method", (404, "API method not found")),
            Reason::MethodDenied => fixed(403, "METHOD_DENIED", "the key has no access to this method", DENIED),
            Reason::StoreRequired => fixed(
                400,
                "STORE_REQUIRED",
                "the key is limited to certain stores, and the request does not name one",
                (400, "Parameter 'site' is missing"),
            ),
            Reason::StoreUnknown | Reason::StoreInactive | Reason::StoreDenied => {
                fixed(403, "STORE_DENIED", "the key has no access to a store named in the request", DENIED)
            }
            Reason::NoStoreOpen => fixed(
                403,
                "NO_STORE_OPEN",
                "the key is limited to certain stores, none of which exists and is active; give it access to a store",
                DENIED,
            ),
            Reason::MethodReadsNoStore => fixed(
                403,
                "METHOD_READS_NO_STORE",
                "the key is limited to certain stores, and this method takes no store, so nothing would confine the \
                 response to them; use a key for all stores",
                DENIED,
            ),
        },
    }
}
