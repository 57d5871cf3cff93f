//! What must hold before something is changed.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// What must hold before something is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Safety {
    /// How old the last backup may be before a rollback.
    pub require_backup_within: Option<Duration>,
    /// How long a statement may wait for a lock.
    pub lock_timeout: Duration,
    /// What to do about statements that drop data.
    pub destructive: Destructive,
    /// When changes may run.
    pub window: Option<Window>,
}

impl Default for Safety {
    fn default() -> Self {
        Self {
            require_backup_within: None,
            lock_timeout: Duration::from_secs(10),
            destructive: Destructive::default(),
            window: None,
        }
    }
}

/// What to do about statements that drop data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Destructive {
    /// Ask first.
    #[default]
    Ask,
    /// Run them.
    Allow,
    /// Refuse them.
    Refuse,
}

impl Destructive {
    /// The words of the settings.
    pub(crate) const WORDS: [(&'static str, Self); 3] =
        [("ask", Self::Ask), ("allow", Self::Allow), ("refuse", Self::Refuse)];
}

/// A daily span of time in which changes may run. It may go over midnight; its end is outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Window {
    /// Minutes from midnight.
    from: u16,
    /// Minutes from midnight.
    to: u16,
    /// East of UTC, in minutes.
    offset: i16,
}

/// What is wrong with the text of a window.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WindowError {
    /// It is not of the right form.
    #[error("a window is written 02:00-05:00 UTC")]
    Shape,
    /// A time of day is none.
    #[error("\"{time}\" is no time of day from 00:00 to 24:00")]
    Time {
        /// The time as written.
        time: String,
    },
    /// It names no zone, or not by its distance from UTC.
    #[error("a window ends with UTC or a distance from it such as +02:00")]
    Zone,
    /// It has no length.
    #[error("the window begins and ends at the same time")]
    NoLength,
}

impl Window {
    /// Whether changes may run at `now`.
    pub fn contains(&self, now: jiff::Timestamp) -> bool {
        let minutes = now.as_second().div_euclid(60) + i64::from(self.offset);
        let now = minutes.rem_euclid(24 * 60);
        let (from, to) = (i64::from(self.from), i64::from(self.to));
        if from < to { (from..to).contains(&now) } else { now >= from || now < to }
    }
}

impl FromStr for Window {
    type Err = WindowError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let (from, rest) = text.split_once('-').ok_or(WindowError::Shape)?;
        let rest = rest.trim_start();
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ':').unwrap_or(rest.len());
        let (to, zone) = rest.split_at(end);
        let (from, to) = (time(from)?, time(to)?);
        let offset = offset(zone.trim()).ok_or(WindowError::Zone)?;
        if from == to {
            return Err(WindowError::NoLength);
        }
        Ok(Self { from, to, offset })
    }
}

fn time(text: &str) -> Result<u16, WindowError> {
    let text = text.trim();
    let fail = || WindowError::Time { time: text.to_owned() };
    let (hours, minutes) = hours_and_minutes(text).ok_or_else(fail)?;
    let total = hours * 60 + minutes;
    if minutes > 59 || total > 24 * 60 { Err(fail()) } else { Ok(total) }
}

fn hours_and_minutes(text: &str) -> Option<(u16, u16)> {
    let (hours, minutes) = text.split_once(':')?;
    let number = |it: &str| {
        let shaped = (1..=2).contains(&it.len()) && it.chars().all(|c| c.is_ascii_digit());
        it.parse::<u16>().ok().filter(|_| shaped)
    };
    Some((number(hours)?, number(minutes)?))
}

fn offset(zone: &str) -> Option<i16> {
    if zone == "Z" || zone.eq_ignore_ascii_case("utc") {
        return Some(0);
    }
    let zone = zone.strip_prefix("UTC").unwrap_or(zone);
    let sign = match zone.chars().next()? {
        '+' => 1,
        '-' => -1,
        _ => return None,
    };
    let (hours, minutes) = hours_and_minutes(&zone[1..])?;
    let total = i16::try_from(hours * 60 + minutes).ok()?;
    (minutes < 60 && total <= 14 * 60).then_some(sign * total)
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from, to, offset } = self;
        write!(f, "{:02}:{:02}-{:02}:{:02} ", from / 60, from % 60, to / 60, to % 60)?;
        match offset {
            0 => f.write_str("UTC"),
            offset => {
                let sign = if *offset < 0 { '-' } else { '+' };
                write!(f, "{sign}{:02}:{:02}", offset.abs() / 60, offset.abs() % 60)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn within(window: &str, now: &str) -> bool {
        window.parse::<Window>().unwrap().contains(now.parse().unwrap())
    }

    #[test]
    fn a_window_is_open_from_its_start_up_to_its_end() {
        assert!(within("02:00-05:00 UTC", "2026-03-01T02:00:00Z"));
        assert!(within("02:00-05:00 UTC", "2026-03-01T04:59:59Z"));
        assert!(!within("02:00-05:00 UTC", "2026-03-01T05:00:00Z"));
        assert!(within("22:00-04:00 UTC", "2026-03-01T23:30:00Z"));
        assert!(within("22:00-04:00 UTC", "2026-03-01T03:59:00Z"));
        assert!(!within("22:00-04:00 UTC", "2026-03-01T12:00:00Z"));
        assert!(within("02:00-05:00 +02:00", "2026-03-01T00:00:00Z"));
        assert!(!within("02:00-05:00 -05:30", "2026-03-01T02:00:00Z"));
        assert!(within("00:00-24:00 UTC", "1969-03-01T12:00:00Z"));
    }

    #[test]
    fn a_window_is_shown_as_it_is_written() {
        for text in ["02:00-05:00 UTC", "22:30-04:00 +02:00", "22:30-04:00 -03:30"] {
            assert_eq!(text.parse::<Window>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_window_says_why() {
        let error = |text: &str| text.parse::<Window>().unwrap_err().to_string();
        insta::assert_snapshot!(error("at night"), @"a window is written 02:00-05:00 UTC");
        insta::assert_snapshot!(error("2-5 UTC"), @r#""2" is no time of day from 00:00 to 24:00"#);
        insta::assert_snapshot!(error("02:00-25:00 UTC"), @r#""25:00" is no time of day from 00:00 to 24:00"#);
        insta::assert_snapshot!(error("02:00-05:00"), @"a window ends with UTC or a distance from it such as +02:00");
        insta::assert_snapshot!(error("02:00-02:00 UTC"), @"the window begins and ends at the same time");
    }
}
