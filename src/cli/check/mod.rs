//! `latchkey check`: tests the configuration and everything it refers to; or checks a proxy's file. Each line explains
//! how to fix the problem.

mod envoy;
mod files;
mod finding;
mod ports;
mod profiles;

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use self::finding::{Finding, Verdict};
use super::answer::{Answer, Outcome};
use super::exit::{Ending, Error};
use super::output::{self, Table};
use super::session::{Port, Session};
use crate::app;
use crate::config::SettingOrigin;
use crate::proto::v1;

/// A setting, its value and its source.
#[derive(Debug, Serialize)]
struct Told {
    name: &'static str,
    value: String,
    from: &'static str,
}

/// `latchkey check`.
#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Check an Envoy configuration instead, for anything that would let requests bypass decisions or write keys to
    /// logs
    #[arg(long, value_name = "FILE")]
    envoy: Option<PathBuf>,
}

impl CheckArgs {
    /// Runs the command.
    pub(super) async fn run(self, session: &Session) -> Outcome {
        match self.envoy {
            None => Ok(tell(session, settings(session), findings(session).await)),
            Some(file) => {
                let profiles = session.config.profiles.clone();
                let looked = tokio::task::spawn_blocking(move || envoy::file(&file, &profiles)).await;
                let findings =
                    looked.map_err(|error| Error::Internal(format!("the check was interrupted: {error}")))??;
                Ok(tell(session, Vec::new(), findings))
            }
        }
    }
}

/// Builds the answer from the findings; it is an error if anything fails.
fn tell(session: &Session, settings: Vec<Told>, findings: Vec<Finding>) -> Answer {
    let failed = findings.iter().any(|finding| finding.verdict == Verdict::Fail);
    let text = if session.is_json() {
        let told = serde_json::json!({ "settings": settings, "checks": findings });
        format!("{told:#}\n")
    } else {
        let mut text = String::new();
        if !settings.is_empty() {
            let mut table = Table::new(["SETTING", "VALUE", "FROM"]);
            for setting in settings {
                table.row([setting.name.to_owned(), setting.value, setting.from.to_owned()]);
            }
            text = table.text();
            text.push('\n');
        }
        let mut table = Table::new(["", "WHAT", "FOUND"]);
        for finding in findings {
            table.row([finding.verdict.to_string(), finding.what.to_owned(), finding.said]);
        }
        text.push_str(&table.text());
        text
    };
    Answer::from(text).ending(Ok(if failed { Ending::No } else { Ending::Done }))
}

fn settings(session: &Session) -> Vec<Told> {
    let told = session.config.origins.iter().map(|(setting, value, origin)| Told {
        name: setting.name,
        value: if value.is_empty() { "-".to_owned() } else { value.clone() },
        from: match origin {
            SettingOrigin::Default => "default",
            SettingOrigin::File => "file",
            SettingOrigin::Environment => "environment",
            SettingOrigin::Flag => "flag",
        },
    });
    told.collect()
}

async fn findings(session: &Session) -> Vec<Finding> {
    let config = &session.config;
    let mut findings = vec![files::data_folder(config)];
    findings.extend(files::ignored_variables(config));
    findings.push(match output::patiently("checking storage", app::check_storage(config)).await {
        Ok(said) => Finding::ok("storage", said),
        Err(said) => Finding::fail("storage", said),
    });
    let warnings = output::patiently("checking the storage settings", app::storage_warnings(config)).await;
    findings.extend(warnings.into_iter().map(|warning| Finding::warn("storage", warning)));
    findings.extend(files::certificates(config));
    findings.extend(files::bootstrap_token(config));
    findings.extend(files::log_filter(config));
    findings.extend(profiles::all(config));
    findings.extend(profiles::trust(config));
    findings.extend(ports::all(session).await);
    findings.push(token(session).await);
    findings
}

/// Checks whether the token of the command line is valid at the administration port.
async fn token(session: &Session) -> Finding {
    const WHAT: &str = "operator token";

    match session.token() {
        Err(error) => return Finding::fail(WHAT, error.to_string()),
        Ok(None) => return Finding::warn(WHAT, session.no_token().to_string()),
        Ok(Some(_)) => {}
    }
    let url = session.url(Port::Admin);
    let mut client = match session.operators().await {
        Ok(client) => client,
        Err(error) => return Finding::warn(WHAT, format!("not checked: {error}")),
    };
    let request = v1::GetCurrentOperatorRequest {};
    match session.call("checking the operator token", client.get_current_operator(request)).await {
        Ok(answer) => {
            let operator = answer.operator.unwrap_or_default();
            let role = super::words::role(operator.role());
            Finding::ok(WHAT, format!("{url} recognizes it as `{}` with the role {role}", operator.name))
        }
        Err(error @ Error::Unavailable(_)) => Finding::warn(WHAT, format!("not checked: {error}")),
        Err(error) => Finding::fail(WHAT, format!("{url}: {error}; to use another one, set LATCHKEY_TOKEN_FILE")),
    }
}
