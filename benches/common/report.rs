//! benches/RESULTS.md: one section for each benchmark, replaced by its next run.

use std::fmt::Write as _;
use std::path::PathBuf;

use latchkey::clock::{Clock as _, SystemClock};

const HEAD: &str = "# Results\n\nWritten by `make bench`; what is measured, and how, is told at the top of each file \
                    in benches/.\n";

/// A section under construction.
#[derive(Debug)]
pub(crate) struct Section {
    name: &'static str,
    text: String,
    load: String,
}

impl Section {
    /// Starts the section of the benchmark `name`.
    #[must_use]
    pub(crate) fn new(name: &'static str, title: &str) -> Self {
        Self { name, text: format!("## {title}\n"), load: load() }
    }

    /// Adds a paragraph.
    #[expect(clippy::print_stdout, reason = "whoever runs a benchmark looks at it")]
    pub(crate) fn paragraph(&mut self, text: &str) {
        println!("\n{text}");
        self.add(&format!("\n{text}\n"));
    }

    /// Adds a table with these columns.
    #[expect(clippy::print_stdout, reason = "whoever runs a benchmark looks at it")]
    pub(crate) fn table(&mut self, columns: &[&str]) {
        println!();
        self.add("\n");
        self.row(columns);
        let rules: Vec<&str> = columns.iter().enumerate().map(|(at, _)| if at == 0 { "---" } else { "---:" }).collect();
        self.row(&rules);
    }

    /// Adds a row to the table.
    #[expect(clippy::print_stdout, reason = "whoever runs a benchmark looks at it")]
    pub(crate) fn row(&mut self, cells: &[&str]) {
        let row = format!("| {} |", cells.join(" | "));
        println!("{row}");
        self.add(&format!("{row}\n"));
    }

    /// Writes the section to benches/RESULTS.md.
    ///
    /// # Panics
    ///
    /// When the file cannot be written.
    pub(crate) fn write(mut self) {
        let (name, today, before, after) = (self.name, today(), &self.load, load());
        let made = format!(
            "\n<sub>{today}, {}; `cargo bench -- {name}`; load average at the beginning {before}, at the end \
             {after}</sub>\n",
            machine()
        );
        self.add(&made);
        let path = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/benches/RESULTS.md"));
        let page = std::fs::read_to_string(&path).unwrap_or_else(|_| HEAD.to_owned());
        std::fs::write(&path, replaced(&page, name, &self.text)).expect("benches/RESULTS.md can be written");
    }

    fn add(&mut self, text: &str) {
        self.text.push_str(text);
    }
}

/// Returns the page with the section `name` replaced, or appended if it is new.
fn replaced(page: &str, name: &str, text: &str) -> String {
    let (begin, end) = (format!("<!-- {name} -->\n"), format!("<!-- end of {name} -->\n"));
    let section = format!("{begin}{text}{end}");
    match (page.find(&begin), page.find(&end)) {
        (Some(from), Some(to)) => format!("{}{section}{}", &page[..from], &page[to + end.len()..]),
        _ => format!("{page}\n{section}"),
    }
}

/// Returns today's date, formatted as 2026-01-31.
fn today() -> String {
    let (seconds, _) = SystemClock.now().as_seconds();
    jiff::Timestamp::from_second(seconds).map(|now| now.strftime("%Y-%m-%d").to_string()).unwrap_or_default()
}

/// Describes the machine of the measurements.
fn machine() -> String {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let models: Vec<&str> = cpu
        .lines()
        .filter_map(|line| line.strip_prefix("model name")?.split_once(':'))
        .map(|(_, model)| model.trim())
        .collect();
    let memory = read("/proc/meminfo");
    let kib = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")?.trim().strip_suffix(" kB")?.parse().ok());
    let gib = kib.unwrap_or(0_u64) / 1024 / 1024;
    let kernel = read("/proc/sys/kernel/osrelease");
    let model = models.first().copied().unwrap_or("a CPU of unknown model");
    let mut text = format!("{} × {model}, {gib} GiB, Linux {}", models.len(), kernel.trim());
    if cpu.contains("hypervisor") {
        let _ = write!(text, ", a virtual machine");
    }
    text
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split(' ').next().unwrap_or("unknown").to_owned()
}
