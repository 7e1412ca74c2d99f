//! The commands in the README and the book, from the first key to the chapter about the command line.

use crate::readme::blocks::{commands, marked};
use crate::readme::terminal::Terminal;

/// Separates the outputs of two commands.
const NEXT: &str = "=== next command ===";

/// Maximum number of commands in the README up to the first key, including the one that starts the server.
const MAX_IN_README: usize = 5;
const MAX_COMMANDS: usize = 8;

/// Output and exit code of one command.
#[derive(Debug)]
struct CommandResult {
    command: String,
    output: String,
    code: i32,
}

/// Runs the commands one after another in one shell.
fn run_commands(terminal: &Terminal, commands: &[String]) -> Vec<CommandResult> {
    let typed: String = commands.iter().map(|command| format!("{command}\necho \"{NEXT}$?\"\n")).collect();
    let output = terminal.run(&format!("exec 2>&1\n{typed}"), &[]);
    let text = String::from_utf8(output.stdout).expect("the commands say text");
    let parts: Vec<&str> = text.split(NEXT).collect();
    assert_eq!(parts.len(), commands.len() + 1, "every command ends:\n{text}");
    let mut results = Vec::new();
    for (at, command) in commands.iter().enumerate() {
        // The exit code of a command precedes the output of the next one.
        let (code, _) = parts[at + 1].split_once('\n').expect("a line of its own");
        let output = if at == 0 { parts[0] } else { parts[at].split_once('\n').expect("a line of its own").1 };
        let code = code.parse().expect("a number");
        results.push(CommandResult { command: command.clone(), output: output.to_owned(), code });
    }
    results
}

#[test]
fn the_readme_leads_to_the_first_key() {
    let terminal = Terminal::start();
    let commands = commands(&marked("first key", "sh"));
    assert!(commands.len() < MAX_IN_README, "{} commands and the server's are at most {MAX_IN_README}", commands.len());
    let expected = [("GET /api/v5/orders/statuses", "ALLOWED", ""), ("GET /api/v5/orders", "DENIED", "METHOD_DENIED")];
    expect(&run_commands(&terminal, &commands), &expected);
}

#[test]
fn the_chapter_of_the_command_line_and_that_of_clients_can_be_typed() {
    let terminal = Terminal::start();
    let prepare = ["export PATH=\"$PWD/target/release:$PATH\"", "latchkey methods import retailcrm"];
    let chapters = [marked("command line", "sh"), marked("authorizer", "sh")];
    let commands: Vec<String> =
        prepare.map(str::to_owned).into_iter().chain(chapters.iter().flat_map(|block| commands(block))).collect();
    let results = run_commands(&terminal, &commands);
    expect(&results, &[]);
    let output =
        |command: &str| &results.iter().find(|result| result.command.starts_with(command)).expect("it ran").output;
    assert!(output("latchkey keys list").contains("Bitrix module"), "the key opens the store: {results:#?}");
    assert!(output("latchkey operators create").contains("lko_"), "the operator's token is printed");
}

/// Checks that every command succeeded, and the output of `latchkey authorize`: request, verdict and reason.
fn expect(results: &[CommandResult], expected: &[(&str, &str, &str)]) {
    let mut decided = Vec::new();
    for result in results {
        let CommandResult { command, output, code } = result;
        let asks = command.starts_with("latchkey authorize");
        assert!(*code == 0 || asks && *code == 1, "`{command}` ended with {code}:\n{output}");
        if asks {
            let asked: Vec<&str> = command.split('\'').skip(1).step_by(2).collect();
            decided.extend(verdicts(output, &asked));
            let refused = output.contains("DENIED");
            assert_eq!(*code, i32::from(refused), "`{command}` ends with 1 when something is refused");
        }
    }
    let expected: Vec<_> = expected
        .iter()
        .map(|(asked, verdict, reason)| ((*asked).to_owned(), (*verdict).to_owned(), (*reason).to_owned()))
        .collect();
    assert_eq!(decided, expected, "{results:#?}");
}

#[test]
fn the_walk_through_leads_from_nothing_to_the_key() {
    let terminal = Terminal::start();
    let commands = commands(&marked("walkthrough", "sh"));
    assert!(commands.len() < MAX_COMMANDS, "{} commands and the server's are at most {MAX_COMMANDS}", commands.len());
    let results = run_commands(&terminal, &commands);
    let expected = [
        ("GET /api/v5/orders/statuses", "ALLOWED", ""),
        ("GET /api/v3/orders/statuses", "ALLOWED", ""),
        ("GET /api/v9/orders/statuses", "ALLOWED", ""),
        ("GET /api/v5/orders", "DENIED", "METHOD_DENIED"),
        ("GET /api/v5/orders/1", "DENIED", "METHOD_DENIED"),
        ("GET /api/v5/orders/history", "DENIED", "METHOD_DENIED"),
        ("GET /api/v5/orders/statuses/../create", "DENIED", "PATH_AMBIGUOUS"),
    ];
    expect(&results, &expected);

    let import =
        &results.iter().find(|result| result.command.contains("methods import")).expect("the book is imported");
    assert!(import.output.contains("199"), "it says how many methods were added:\n{}", import.output);
    let file = commands.iter().find_map(|command| command.split_once("> ")).expect("the token goes to a file").1;
    let token = std::fs::read_to_string(terminal.folder().join(file)).expect("the token is in the file");
    assert!(token.trim_end().starts_with("lk_") && token.trim_end().len() == 52, "the token stands alone in its file");
    let shown = results.iter().filter(|result| result.output.contains(token.trim_end())).count();
    assert_eq!(shown, 0, "it went to the file and nowhere else");
}

/// Returns verdict and reason of each request, which are printed after the request and before the next one, or the
/// other way round for a single one.
fn verdicts(output: &str, asked: &[&str]) -> Vec<(String, String, String)> {
    let verdict = |line: &str| ["ALLOWED", "DENIED"].into_iter().find(|verdict| line.starts_with(verdict));
    let found: Vec<&str> = output.lines().filter(|line| verdict(line).is_some()).collect();
    assert_eq!(found.len(), asked.len(), "each question has one verdict:\n{output}");
    let begins: Vec<usize> = found.iter().filter_map(|line| output.find(line)).collect();
    let mut decisions = Vec::new();
    for (at, asked) in asked.iter().enumerate() {
        let end = begins.get(at + 1).copied().unwrap_or(output.len());
        let part = &output[begins[at]..end];
        let reason = ["METHOD_DENIED", "PATH_AMBIGUOUS", "METHOD_UNKNOWN", "KEY_UNKNOWN", "STORE_REQUIRED"]
            .into_iter()
            .find(|reason| part.contains(reason))
            .unwrap_or_default();
        let verdict = verdict(part).unwrap_or_default();
        decisions.push(((*asked).to_owned(), verdict.to_owned(), reason.to_owned()));
    }
    decisions
}
