//! What is shown while a run goes: a line for each migration, and of long ones how far they are.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use dbwarden::apply::run::{Event, Observer};
use dbwarden::migration::Kind;
use dbwarden::migration::plan::{Action, Step};
use indicatif::{ProgressBar, ProgressStyle};
use unicode_width::UnicodeWidthStr;

use super::{aside, clean, columns, count, line, time};

/// From when on a migration is long.
const LONG: Duration = Duration::from_secs(1);

/// How often a log gets a line of a long migration.
const LOG_EVERY: Duration = Duration::from_secs(10);

/// Shows a run.
pub(crate) struct Progress {
    /// Nothing but what must be known.
    quiet: bool,
    /// Each statement is shown.
    echo: bool,
    /// `primary  sqlite shop.db`.
    heading: String,
    bar: Option<ProgressBar>,
    started: Instant,
    last_log: Instant,
    /// The widths of ids and descriptions.
    widths: (usize, usize),
    statements: u64,
    /// The migration that runs.
    running: String,
    /// How long the lock is waited for at most.
    wait: Duration,
    /// When it was last said that it is waited for, after how long.
    told: Option<Duration>,
}

impl Progress {
    pub(crate) fn new(quiet: bool, echo: bool, heading: String, wait: Duration) -> Self {
        let now = Instant::now();
        Self {
            quiet,
            echo,
            heading,
            bar: None,
            started: now,
            last_log: now,
            widths: (0, 0),
            statements: 0,
            running: String::new(),
            wait,
            told: None,
        }
    }

    fn planned(&mut self, steps: &[Step]) {
        let width = |of: fn(&Step) -> &str| steps.iter().map(|step| of(step).width()).max().unwrap_or(0);
        self.widths = (width(|step| step.id.as_str()), width(|step| &step.description).min(40));
        let undo = steps.iter().any(|step| step.action == Action::Undo);
        let counted = steps.iter().filter(|step| !(undo && step.action == Action::Forget)).count();
        // What runs always is never pending.
        let always = |step: &&Step| !undo && step.kind == Kind::RunsAlways;
        let always = steps.iter().filter(always).count();
        if counted > 0 {
            let what = match (undo, counted - always) {
                (true, _) => format!("{counted} to undo"),
                (false, 0) => "nothing pending".to_owned(),
                (false, pending) => format!("{pending} pending"),
            };
            let always = match always {
                0 => String::new(),
                1 => ", 1 that runs always".to_owned(),
                more => format!(", {more} that run always"),
            };
            line(&format!("{}  {what}{always}", self.heading));
        }
        for step in steps {
            if let Some(text) = &step.breaking {
                aside(&clean(&format!("note: {} says that it breaks something: {text}", step.id)));
            }
        }
    }

    fn statement(&mut self, number: u64, total: u64, bytes: u64, of_bytes: u64) {
        self.statements = number;
        let elapsed = self.started.elapsed();
        if elapsed < LONG {
            return;
        }
        let share = if of_bytes == 0 { 0.0 } else { bytes as f64 / of_bytes as f64 };
        if !super::is_held() && std::io::stderr().is_terminal() {
            let bar = self.bar.get_or_insert_with(|| {
                let bar = ProgressBar::new(of_bytes);
                let style =
                    ProgressStyle::with_template("  [{bar:24}] {percent:>3} %  {msg}  about {eta} left");
                if let Ok(style) = style {
                    bar.set_style(style.progress_chars("=> "));
                }
                bar
            });
            bar.set_position(bytes);
            if number.is_multiple_of(64) || total < 1_000 {
                bar.set_message(format!("statement {} of {}", super::grouped(number), super::grouped(total)));
            }
        } else if self.last_log.elapsed() >= LOG_EVERY {
            self.last_log = Instant::now();
            let left = if share > 0.0 { elapsed.as_secs_f64() * (1.0 - share) / share } else { 0.0 };
            aside(&format!(
                "  statement {number} of {total}, {:.0} %, about {left:.0} s left",
                share * 100.0
            ));
        }
    }

    fn end_bar(&mut self) {
        if let Some(bar) = self.bar.take() {
            bar.finish_and_clear();
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.end_bar();
    }
}

impl Observer for Progress {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Waiting { holder, waited } if !self.quiet => {
                // In a log, a line every ten seconds; on a terminal, what is going on.
                let log = super::is_held() || !std::io::stderr().is_terminal();
                if log && self.told.is_some_and(|told| *waited < told + LOG_EVERY) {
                    return;
                }
                self.told = Some(*waited);
                let who = holder.map_or_else(
                    || "another process".to_owned(),
                    |holder| {
                        let doing = holder
                            .doing
                            .as_ref()
                            .map_or_else(String::new, |doing| format!(", running {doing}"));
                        format!("{} since {} UTC{doing}", holder.owner.label(), holder.since)
                    },
                );
                let limit = time(u64::try_from(self.wait.as_millis()).unwrap_or(u64::MAX));
                aside(&clean(&format!("waiting for {who}  [{} s of at most {limit}]", waited.as_secs())));
            }
            Event::TakenOver { holder, why } => {
                let doing = holder.doing.as_ref().map_or_else(String::new, |doing| format!(" at {doing}"));
                let text = format!(
                    "the run of {}{doing} ended without a word: {why}; its lock is taken over",
                    holder.owner.label()
                );
                aside(&clean(&text));
            }
            Event::Planned { steps } if !self.quiet => self.planned(steps),
            Event::Notice { notice } if !self.quiet || notice.level.eq_ignore_ascii_case("warning") => {
                let text = notice.text.split_whitespace().collect::<Vec<_>>().join(" ");
                let level = notice.level.to_lowercase();
                let from = if notice.level == "HOOK" { "" } else { " from the server" };
                aside(&clean(&format!("  {level}{from}: {}", dbwarden::sql::mask_secrets(&text))));
            }
            Event::Resumed { id, done, total } if !self.quiet => {
                aside(&clean(&format!(
                    "  {id} stopped after statement {done} of {total}; going on from {}",
                    done + 1
                )));
            }
            Event::StoredScript { id, text } => {
                aside(&clean(&format!("the file of {id} is not here; its stored down script is run:")));
                // Masked as a whole: of one line nobody knows what stands before it.
                let text = dbwarden::sql::mask_secrets(text);
                for text in text.lines().filter(|text| !text.trim().is_empty()) {
                    aside(&clean(&format!("  | {text}")));
                }
            }
            Event::StepStarted { step } => {
                self.running = step.id.to_string();
                self.started = Instant::now();
                self.last_log = self.started;
            }
            Event::StatementStarted { number, total, text, bytes, of_bytes } => {
                if self.echo {
                    aside(&clean(&dbwarden::sql::mask_secrets(text)));
                }
                if !self.quiet {
                    self.statement(*number, *total, *bytes, *of_bytes);
                }
            }
            Event::StatementSkipped { number, directive } if !self.quiet => {
                aside(&clean(&format!("  statement {number} of {} is left out: {directive}", self.running)));
            }
            Event::Cleared { statement } if !self.quiet => {
                aside(&clean(&format!("  an earlier attempt left something half made: {statement}")));
            }
            Event::StillRunning { session } if !self.quiet => {
                aside(&clean(&format!("  {session} of the server still works on the statement; waiting")));
            }
            Event::Retrying { attempt, reason } if !self.quiet => {
                aside(&clean(&format!("  another session is in the way ({reason}); try {}", attempt + 1)));
            }
            Event::StepFinished { report } => {
                self.end_bar();
                if self.quiet {
                    return;
                }
                let work = match report.action {
                    Action::Record => "recorded".to_owned(),
                    Action::Forget if report.kind != Kind::Versioned => {
                        "forgotten, will run again with the next migrate".to_owned()
                    }
                    Action::Forget => "forgotten".to_owned(),
                    _ if report.resumed_from > 0 => {
                        format!(
                            "{} of {}",
                            report.statements - report.resumed_from,
                            count(report.statements, "statement")
                        )
                    }
                    _ => count(report.statements, "statement"),
                };
                let pad = |text: &str, width: usize| {
                    text.to_owned() + &" ".repeat(width.saturating_sub(text.width()))
                };
                // Where nothing was run, no time was taken.
                let forgotten = report.action == Action::Forget && report.kind != Kind::Versioned;
                let mut cells = vec![
                    pad(&clean(report.version.as_str()), self.widths.0),
                    pad(&clean(&report.description), self.widths.1),
                    format!("{work:>13}"),
                ];
                if !forgotten {
                    cells.push(time(report.duration_ms));
                }
                line(&columns(&[cells], "  ")[0]);
            }
            _ => {}
        }
    }
}
