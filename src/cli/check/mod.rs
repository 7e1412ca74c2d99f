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

use self::finding::{CheckVerdict, Finding};
use super::context::{CommandContext, Port};
use super::exit::{Error, Exit};
use super::output::{self, TextTable};
use super::result::{CommandOutput, CommandResult};
use crate::app;
use crate::config::SettingOrigin;
use crate::proto::v1;

/// A setting, its value and its source.
#[derive(Debug, Serialize)]
struct SettingReport {
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
    pub(super) async fn run(self, context: &CommandContext) -> CommandResult {
        match self.envoy {
            None => Ok(report(context, settings(context), findings(context).await)),
            Some(file) => {
                let profiles = context.config.profiles.clone();
                let checked = tokio::task::spawn_blocking(move || envoy::file(&file, &profiles)).await;
                let findings =
                    checked.map_err(|error| Error::Internal(format!("the check was interrupted: {error}")))??;
                Ok(report(context, Vec::new(), findings))
            }
        }
    }
}

/// Builds the output from the findings; it is an error if anything fails.
fn report(context: &CommandContext, settings: Vec<SettingReport>, findings: Vec<Finding>) -> CommandOutput {
    let failed = findings.iter().any(|finding| finding.verdict == CheckVerdict::Fail);
    let text = if context.is_json() {
        let report = serde_json::json!({ "settings": settings, "checks": findings });
        format!("{report:#}\n")
    } else {
        let mut text = String::new();
        if !settings.is_empty() {
            let mut table = TextTable::new(["SETTING", "VALUE", "FROM"]);
            for setting in settings {
                table.row([setting.name.to_owned(), setting.value, setting.from.to_owned()]);
            }
            text = table.text();
            text.push('\n');
        }
        let mut table = TextTable::new(["", "WHAT", "FOUND"]);
        for finding in findings {
            table.row([finding.verdict.to_string(), finding.what.to_owned(), finding.note]);
        }
        text.push_str(&table.text());
        text
    };
    CommandOutput::from(text).with_exit(Ok(if failed { Exit::Negative } else { Exit::Success }))
}

fn settings(context: &CommandContext) -> Vec<SettingReport> {
    let settings = context.config.origins.iter().map(|(setting, value, origin)| SettingReport {
        name: setting.name,
        value: if value.is_empty() { "-".to_owned() } else { value.clone() },
        from: match origin {
            SettingOrigin::Default => "default",
            SettingOrigin::File => "file",
            SettingOrigin::Environment => "environment",
            SettingOrigin::Flag => "flag",
        },
    });
    settings.collect()
}

async fn findings(context: &CommandContext) -> Vec<Finding> {
    let config = &context.config;
    let mut findings = vec![files::data_folder(config)];
    findings.extend(files::ignored_variables(config));
    findings.push(match output::with_progress("checking storage", app::check_storage(config)).await {
        Ok(note) => Finding::ok("storage", note),
        Err(note) => Finding::fail("storage", note),
    });
    let warnings = output::with_progress("checking the storage settings", app::storage_warnings(config)).await;
    findings.extend(warnings.into_iter().map(|warning| Finding::warn("storage", warning)));
    findings.extend(files::certificates(config));
    findings.extend(files::bootstrap_token(config));
    findings.extend(files::log_filter(config));
    findings.extend(profiles::all(config));
    findings.extend(profiles::trust(config));
    findings.extend(ports::all(context).await);
    findings.push(token(context).await);
    findings
}

/// Checks whether the token of the command line is valid at the administration port.
async fn token(context: &CommandContext) -> Finding {
    const WHAT: &str = "operator token";

    match context.token() {
        Err(error) => return Finding::fail(WHAT, error.to_string()),
        Ok(None) => return Finding::warn(WHAT, context.no_token().to_string()),
        Ok(Some(_)) => {}
    }
    let url = context.url(Port::Admin);
    let mut client = match context.operators().await {
        Ok(client) => client,
        Err(error) => return Finding::warn(WHAT, format!("not checked: {error}")),
    };
    let request = v1::GetCurrentOperatorRequest {};
    match context.call("checking the operator token", client.get_current_operator(request)).await {
        Ok(response) => {
            let operator = response.operator.unwrap_or_default();
            let role = super::display::role(operator.role());
            Finding::ok(WHAT, format!("{url} recognizes it as `{}` with the role {role}", operator.name))
        }
        Err(error @ Error::Unavailable(_)) => Finding::warn(WHAT, format!("not checked: {error}")),
        Err(error) => Finding::fail(WHAT, format!("{url}: {error}; to use another one, set LATCHKEY_TOKEN_FILE")),
    }
}
