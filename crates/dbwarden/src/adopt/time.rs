//! Times as other tools have them.

use jiff::Timestamp;
use jiff::civil::DateTime;

/// How times are recorded here.
const FORMAT: &str = "%Y-%m-%d %H:%M:%S%.3f";

/// Returns `text` as times are recorded: UTC, `2026-11-20 14:02:11.482`. A time without a zone is taken as it stands. Returns nothing
/// for what is no time.
pub fn recorded_time(text: &str) -> Option<String> {
    let text = text.trim();
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(instant.strftime(FORMAT).to_string());
    }
    text.parse::<DateTime>().ok().map(|time| time.strftime(FORMAT).to_string())
}

#[cfg(test)]
mod tests {
    use super::recorded_time;

    #[test]
    fn times_of_every_engine() {
        let table = [
            ("2024-02-15 14:30:00", Some("2024-02-15 14:30:00.000")),
            ("2024-02-15T14:30:00.123456", Some("2024-02-15 14:30:00.123")),
            ("2024-02-15 14:30:00.5", Some("2024-02-15 14:30:00.500")),
            ("2024-02-15 14:30:00+00", Some("2024-02-15 14:30:00.000")),
            ("2024-02-15 14:30:00.25+02", Some("2024-02-15 12:30:00.250")),
            ("2024-02-15 14:30:00.25-05:30", Some("2024-02-15 20:00:00.250")),
            ("2024-02-15T14:30:00Z", Some("2024-02-15 14:30:00.000")),
            ("yesterday", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(recorded_time(text).as_deref(), expected, "{text}");
        }
    }
}
