//! What a person sees: plain text that reads without colour and at 80 columns. Data goes to standard output, all else to
//! standard error.

pub(crate) mod progress;

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::sync::OnceLock;

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

/// Whether colours may be used; asked for by a flag, and found out by the streams themselves.
pub(crate) fn set_colours(off: bool) {
    if off {
        anstream::ColorChoice::Never.write_global();
    }
}

/// Returns `text` without what a terminal would take for a command: control characters show as their code.
pub(crate) fn clean(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | '\t' => clean.push(c),
            // Right-to-left and other invisible marks can make a text read as another one.
            '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => clean.extend(c.escape_unicode()),
            c if c.is_control() => clean.extend(c.escape_default()),
            c => clean.push(c),
        }
    }
    clean
}

/// Why data did not reach standard output: the first failure of all.
static UNSAID: OnceLock<io::Error> = OnceLock::new();

/// What was to be printed: whether it is data, and its text.
type Said = Vec<(bool, Vec<u8>)>;

thread_local! {
    /// What this thread says, where it is held back until others have said theirs.
    static HELD: RefCell<Option<Said>> = const { RefCell::new(None) };
}

/// Does `work`, and returns what it would have printed with what it returned.
pub(crate) fn holding<T>(work: impl FnOnce() -> T) -> (T, Said) {
    HELD.set(Some(Vec::new()));
    let done = work();
    (done, HELD.take().unwrap_or_default())
}

/// Prints what was held back.
pub(crate) fn release(held: Said) {
    for (data, text) in held {
        if data {
            said(anstream::stdout().write_all(&text));
        } else {
            anstream::stderr().write_all(&text).ok();
        }
    }
}

/// Whether what this thread says is held back.
pub(crate) fn is_held() -> bool {
    HELD.with_borrow(Option::is_some)
}

/// Holds `text` back where that is asked for, and returns whether it did.
fn held(data: bool, text: &[u8]) -> bool {
    HELD.with_borrow_mut(|held| held.as_mut().map(|held| held.push((data, text.to_owned()))).is_some())
}

/// Prints one line of data. A reader that went away (`| head`) ends nothing but the printing; any other failure is told at the
/// end, by [`unsaid`].
pub(crate) fn line(text: &str) {
    if !held(true, format!("{text}\n").as_bytes()) {
        said(writeln!(anstream::stdout(), "{text}"));
    }
}

/// Prints data as it stands.
pub(crate) fn print(text: &[u8]) {
    if !held(true, text) {
        said(io::stdout().write_all(text));
    }
}

/// Keeps the failure of a writing to standard output.
pub(crate) fn said(written: io::Result<()>) {
    if let Err(error) = written
        && error.kind() != io::ErrorKind::BrokenPipe
    {
        UNSAID.get_or_init(|| error);
    }
}

/// Returns why data did not reach standard output, once all was printed.
pub(crate) fn unsaid() -> Option<&'static io::Error> {
    said(io::stdout().flush());
    UNSAID.get()
}

/// Prints one line beside the data.
pub(crate) fn aside(text: &str) {
    if !held(false, format!("{text}\n").as_bytes()) {
        writeln!(anstream::stderr(), "{text}").ok();
    }
}

/// Whether somebody can be asked.
pub(crate) fn may_ask() -> bool {
    !is_held() && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// `text` in bold.
pub(crate) fn bold(text: &str) -> String {
    styled(Style::new().bold(), text)
}

/// `text` in a colour.
pub(crate) fn colour(colour: AnsiColor, text: &str) -> String {
    styled(colour.on_default(), text)
}

fn styled(style: Style, text: &str) -> String {
    format!("{style}{text}{style:#}")
}

/// `1 statement`, `2 statements`.
pub(crate) fn count(number: u64, one: &str) -> String {
    if number == 1 { format!("1 {one}") } else { format!("{} {one}s", grouped(number)) }
}

/// `1,204`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// `812 bytes`, `20.0 KiB`, `1.4 GiB`.
pub(crate) fn size(bytes: u64) -> String {
    let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
    match units.iter().find(|(power, _)| bytes >> power > 0) {
        Some((power, unit)) => {
            let tenths = (u128::from(bytes) * 10) >> power;
            format!("{}.{} {unit}", tenths / 10, tenths % 10)
        }
        None => count(bytes, "byte"),
    }
}

/// `14 ms`, `3.2 s`, `2 min 5 s`.
pub(crate) fn time(millis: u64) -> String {
    match millis {
        0..1_000 => format!("{millis} ms"),
        1_000..60_000 => format!("{}.{} s", millis / 1_000, millis % 1_000 / 100),
        _ => format!("{} min {} s", millis / 60_000, millis % 60_000 / 1_000),
    }
}

/// Rows of columns, each as wide as its widest cell; the last one is not padded.
pub(crate) fn columns(rows: &[Vec<String>], indent: &str) -> Vec<String> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let width = |column: usize| {
        let cells = rows.iter().filter(|row| column + 1 < row.len()).filter_map(|row| row.get(column));
        cells.map(|cell| cell.width()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..count).map(width).collect();
    rows.iter()
        .map(|row| {
            let mut text = indent.to_owned();
            for (column, cell) in row.iter().enumerate() {
                text.push_str(cell);
                if column + 1 < row.len() {
                    let pad = widths[column].saturating_sub(cell.width()) + 2;
                    text.extend(std::iter::repeat_n(' ', pad));
                }
            }
            text.trim_end().to_owned()
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_reaches_the_terminal_as_a_command() {
        assert_eq!(clean("a\u{1b}[31mb\rc\nd\u{202e}e"), "a\\u{1b}[31mb\\rc\nd\\u{202e}e");
    }

    #[test]
    fn numbers_and_times_read_well() {
        assert_eq!(
            (grouped(7), grouped(1204), grouped(1_234_567)),
            ("7".into(), "1,204".into(), "1,234,567".into())
        );
        assert_eq!(
            (time(14), time(3_250), time(125_000)),
            ("14 ms".into(), "3.2 s".into(), "2 min 5 s".into())
        );
        assert_eq!(
            (count(1, "statement"), count(2, "statement")),
            ("1 statement".into(), "2 statements".into())
        );
    }

    #[test]
    fn columns_line_up() {
        let rows = [vec!["a".to_owned(), "b".to_owned()], vec!["ccc".to_owned(), "d".to_owned()]];
        assert_eq!(columns(&rows, " "), [" a    b", " ccc  d"]);
        let wide = [vec!["日本".to_owned(), "b".to_owned()], vec!["a".to_owned(), "d".to_owned()]];
        assert_eq!(columns(&wide, ""), ["日本  b", "a     d"]);
    }
}
