//! The command line: the server, and the tool that administers a server over gRPC.
//!
//! ```text
//! arguments ─▶ Arguments ─┬─▶ serve, migrate, recover ──▶ app
//!  settings ─▶ Config ────┴─▶ everything else ──▶ CommandContext ──gRPC──▶ a running server
//! ```
//!
//! Standard output carries results and nothing else; notes, progress and errors go to standard error. Each error is a
//! sentence and has an exit code (`exit`).

mod args;
mod audit;
mod authorize;
mod check;
mod choice;
mod context;
mod csv;
mod display;
mod exit;
mod flags;
mod input;
mod introspect;
mod json;
mod keys;
mod methods;
mod operators;
mod output;
mod replicas;
mod settings;
mod stores;
#[cfg(test)]
mod tests;
mod time;
mod watch;
mod write;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgMatches, FromArgMatches as _};

use self::args::{Arguments, Command};
use self::context::CommandContext;
use self::exit::{Error, Exit};
use self::operators::OperatorsCommand;
use self::output::{CommandOutput, CommandResult};
use crate::app;
use crate::config::{Config, ConfigErrors};

/// Runs the program with the arguments and the environment of the process.
pub fn run() -> ExitCode {
    forbid_dumps();
    let matches = match settings::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Help and version are also reported as errors. If they can't be printed, nothing else can.
            let _ = error.print();
            return if error.use_stderr() { Exit::Usage.into() } else { Exit::Success.into() };
        }
    };
    match execute(&matches).and_then(CommandOutput::print) {
        Ok(exit) => exit.into(),
        Err(error) => {
            error.print();
            error.exit().into()
        }
    }
}

/// Excludes the process's memory, which holds tokens and passwords, from core dumps and hides it from other processes
/// of the same user. `LimitCORE=0` does not stop a dump that the kernel pipes to a program.
fn forbid_dumps() {
    #[cfg(target_os = "linux")]
    // A kernel without support for it must not prevent the start.
    let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
}

impl From<ConfigErrors> for Error {
    fn from(errors: ConfigErrors) -> Self {
        Self::Usage(match errors.0.as_slice() {
            [one] => one.clone(),
            many => format!("the configuration is wrong:\n  {}", many.join("\n  ")),
        })
    }
}

fn execute(matches: &ArgMatches) -> CommandResult {
    let arguments = Arguments::from_arg_matches(matches).map_err(|error| Error::Usage(error.to_string()))?;
    let sources = settings::sources(matches, std::env::vars_os())?;
    let environment_key = sources.environment.get("LATCHKEY_KEY").cloned();
    let config = Config::load(&sources)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::Internal(format!("could not start threads: {error}")))?;
    let outcome = runtime.block_on(dispatch(arguments, config, environment_key));
    // A thread may still be blocked on standard input; the runtime does not wait for it.
    runtime.shutdown_background();
    outcome
}

async fn dispatch(arguments: Arguments, config: Config, environment_key: Option<String>) -> CommandResult {
    let context = |config| CommandContext::new(config, arguments.output, environment_key);
    match arguments.command.unwrap_or(Command::Serve) {
        Command::Serve => {
            Box::pin(app::serve(config)).await?;
            Ok(CommandOutput::empty())
        }
        Command::Migrate { start_over } => {
            app::migrate(config, start_over).await?;
            Ok("the tables of the database are up to date\n".to_owned().into())
        }
        Command::Operators(OperatorsCommand::Recover { into }) => recover(config, into).await,
        // Ended by a signal, as is usual for a stream.
        Command::Watch(watch) => {
            let context = context(config);
            tokio::select! {
                ended = Box::pin(watch.follow(&context)) => ended,
                signal = interruption() => signal,
            }
            .map(|()| CommandOutput::empty())
        }
        command => {
            let context = context(config);
            tokio::select! {
                outcome = Box::pin(call_server(command, &context)) => outcome,
                signal = interruption() => signal.and(Err(Error::Interrupted)),
            }
        }
    }
}

/// Creates a new admin with access to storage only.
async fn recover(config: Config, into: Option<PathBuf>) -> CommandResult {
    let into = into.unwrap_or_else(|| config.data_dir.join("recovered.token"));
    if into.exists() {
        return Err(Error::Conflict(format!(
            "{} already exists and may contain a token that is still needed: remove it, or choose another file with \
             --into",
            into.display()
        )));
    }
    let name = Box::pin(app::recover(config, into.clone())).await?;
    Ok(format!("created the admin `{}`; its token is in {}\n", output::sanitize(&name), into.display()).into())
}

async fn interruption() -> Result<(), Error> {
    let signal = tokio::signal::ctrl_c().await;
    signal.map_err(|error| Error::Internal(format!("signal handlers could not be installed: {error}")))
}

/// Runs a command that calls a running server.
async fn call_server(command: Command, context: &CommandContext) -> CommandResult {
    match command {
        Command::Check(args) => args.run(context).await,
        Command::Keys(command) => keys::run(command, context).await,
        Command::Stores(command) => stores::run(command, context).await,
        Command::Methods(command) => methods::run(command, context).await,
        Command::Operators(command) => operators::run(command, context).await,
        Command::Authorize(command) => command.run(context).await,
        Command::Introspect(command) => command.run(context).await,
        Command::Audit(command) => command.run(context).await,
        Command::Replicas(command) => command.run(context).await,
        Command::Serve | Command::Migrate { .. } | Command::Watch(_) => {
            Err(Error::Internal("bug: a command of the server was treated as a client command".to_owned()))
        }
    }
}
