//! The `latchkey` executable.

use std::collections::BTreeMap;
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment: BTreeMap<String, String> = std::env::vars().collect();
    let sources = latchkey::config::Sources { flags: BTreeMap::new(), environment };
    let config = match latchkey::config::Config::load(&sources) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return ExitCode::from(2);
        }
    };
    let runtime = tokio::runtime::Runtime::new().expect("runtime");
    match runtime.block_on(latchkey::app::serve(config)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
