//! `latchkey check`: tests the configuration and everything it refers to; or checks a proxy's file. Each line explains
//! how to fix the problem.

mod envoy;
mod files;
mod finding;
mod ports;
mod profiles;

use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use self::finding::{CheckVerdict, Finding};
use super::context::{CommandContext, Port};
use super::exit::{Error, Exit};
use super::output::{self, CommandOutput, CommandResult, table};
use crate::app;
use crate::config::SettingOrigin;
use crate::proto::v1;

/// The name of a setting, its value and its source.
type SettingReport = [String; 3];

#[derive(Debug, Args)]
pub(super) struct CheckArgs {
    /// Check an Envoy configuration instead, for anything that would let requests bypass decisions or write keys to
    /// logs
    #[arg(long, value_name = "FILE")]
    envoy: Option<PathBuf>,
}

impl CheckArgs {
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
        let object = |[name, value, from]: SettingReport| json!({ "name": name, "value": value, "from": from });
        let settings: Vec<_> = settings.into_iter().map(object).collect();
        format!("{:#}\n", json!({ "settings": settings, "checks": findings }))
    } else {
        let mut text = String::new();
        if !settings.is_empty() {
            text = table(["SETTING", "VALUE", "FROM"], settings) + "\n";
        }
        let rows = findings.into_iter().map(|one| [one.verdict.to_string(), one.what.to_owned(), one.note]);
        text + &table(["", "WHAT", "FOUND"], rows)
    };
    CommandOutput::from(text).with_exit(Ok(if failed { Exit::Negative } else { Exit::Success }))
}

fn settings(context: &CommandContext) -> Vec<SettingReport> {
    let settings = context.config.origins.iter().map(|(setting, value, origin)| {
        let from = match origin {
            SettingOrigin::Default => "default",
            SettingOrigin::File => "file",
            SettingOrigin::Environment => "environment",
            SettingOrigin::Flag => "flag",
        };
        [setting.name, if value.is_empty() { "-" } else { value }, from].map(str::to_owned)
    });
    settings.collect()
}

async fn findings(context: &CommandContext) -> Vec<Finding> {
    let config = &context.config;
    let mut findings = vec![files::data_folder(config)];
    findings.extend(files::ignored_variables(config));
    let storage = output::with_progress("checking storage", app::check_storage(config)).await;
    findings.push(Finding::of("storage", storage));
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
            let role = super::display::word(&operator.role());
            Finding::ok(WHAT, format!("{url} recognizes it as `{}` with the role {role}", operator.name))
        }
        Err(error @ Error::Unavailable(_)) => Finding::warn(WHAT, format!("not checked: {error}")),
        Err(error) => Finding::fail(WHAT, format!("{url}: {error}; to use another one, set LATCHKEY_TOKEN_FILE")),
    }
}
