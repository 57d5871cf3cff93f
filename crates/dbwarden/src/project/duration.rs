//! Durations as people write them: `10s`, `15min`, `500ms`, `1h30m`.

use std::time::Duration;

/// What is wrong with a duration's text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationError {
    /// There is no text, or it does not begin with a number.
    #[error("a duration is a number and a unit, such as 10s, 15min, 24h or 500ms")]
    NoNumber,
    /// A number has no unit.
    #[error("the duration needs a unit: ms, s, min, h or d")]
    NoUnit,
    /// A unit is not known.
    #[error("unknown unit of a duration \"{unit}\": known are ms, s, min, h and d")]
    UnknownUnit {
        /// The unit as written.
        unit: String,
    },
    /// The duration does not fit.
    #[error("the duration is too long")]
    TooLong,
}

/// Reads a duration: one or more numbers, each with a unit (`ms`, `s`, `m` or `min`, `h`, `d`, `w`, and their English
/// names). A bare `0` is no time at all.
pub fn parse_duration(text: &str) -> Result<Duration, DurationError> {
    let mut rest = text.trim();
    if rest == "0" {
        return Ok(Duration::ZERO);
    }
    if rest.is_empty() {
        return Err(DurationError::NoNumber);
    }
    let mut total = 0_u64;
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if number.is_empty() {
            return Err(DurationError::NoNumber);
        }
        let after = after.trim_start();
        let letters = after.find(|c: char| !c.is_alphabetic()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let part = number.parse::<u64>().ok().and_then(|it| it.checked_mul(milliseconds(unit).ok()?));
        // A unit is looked at first: `10 parsecs` is not "too long".
        milliseconds(unit)?;
        total = part.and_then(|it| total.checked_add(it)).ok_or(DurationError::TooLong)?;
        rest = after.trim_start();
    }
    Ok(Duration::from_millis(total))
}

/// Returns `duration` in the largest unit that it is a whole number of: `24 h`, `30 min`.
pub(crate) fn duration_text(duration: Duration) -> String {
    let millis = duration.as_millis();
    [(3_600_000, "h"), (60_000, "min"), (1_000, "s")]
        .iter()
        .find(|(unit, _)| millis > 0 && millis.is_multiple_of(*unit))
        .map_or_else(|| format!("{millis} ms"), |(unit, name)| format!("{} {name}", millis / unit))
}

fn milliseconds(unit: &str) -> Result<u64, DurationError> {
    Ok(match unit.to_ascii_lowercase().as_str() {
        "" => return Err(DurationError::NoUnit),
        "ms" | "msec" | "millisecond" | "milliseconds" => 1,
        "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hr" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        "w" | "week" | "weeks" => 604_800_000,
        _ => return Err(DurationError::UnknownUnit { unit: unit.to_owned() }),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_as_people_write_them() {
        let seconds = |text| parse_duration(text).map(|it| it.as_secs_f64());
        assert_eq!(seconds("10s"), Ok(10.0));
        assert_eq!(seconds("500ms"), Ok(0.5));
        assert_eq!(seconds("15min"), Ok(900.0));
        assert_eq!(seconds(" 15 minutes "), Ok(900.0));
        assert_eq!(seconds("1h30m"), Ok(5400.0));
        assert_eq!(seconds("1 h 30 m"), Ok(5400.0));
        assert_eq!(seconds("24h"), Ok(86_400.0));
        assert_eq!(seconds("0"), Ok(0.0));
    }

    #[test]
    fn what_is_no_duration_says_why() {
        assert_eq!(parse_duration(""), Err(DurationError::NoNumber));
        assert_eq!(parse_duration("soon"), Err(DurationError::NoNumber));
        assert_eq!(parse_duration("-5s"), Err(DurationError::NoNumber));
        assert_eq!(parse_duration("10"), Err(DurationError::NoUnit));
        assert_eq!(parse_duration("1.5h"), Err(DurationError::NoUnit));
        assert_eq!(parse_duration("10 parsecs"), Err(DurationError::UnknownUnit { unit: "parsecs".into() }));
        assert_eq!(parse_duration("99999999999999999999s"), Err(DurationError::TooLong));
        assert_eq!(parse_duration("999999999999999999w"), Err(DurationError::TooLong));
    }
}
