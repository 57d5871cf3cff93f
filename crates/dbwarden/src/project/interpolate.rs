//! `${NAME}` and `${NAME:-default}` in a text, once and not again in what came out; `$${` is a plain `${`.

/// Why a text could not be completed.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure<E> {
    /// A `${` is not followed by a name and `}`.
    Malformed,
    /// The variable is not set.
    Unset(String),
    /// Looking it up failed.
    Lookup(E),
}

/// Replaces each reference in `text` by what `lookup` answers.
pub(crate) fn interpolate<E>(
    text: &str,
    mut lookup: impl FnMut(&str) -> Result<Option<String>, E>,
) -> Result<String, Failure<E>> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find("${") {
        let (before, after) = (&rest[..at], &rest[at + 2..]);
        if let Some(before) = before.strip_suffix('$') {
            out.push_str(before);
            out.push_str("${");
            rest = after;
            continue;
        }
        out.push_str(before);
        let (inner, after) = after.split_once('}').ok_or(Failure::Malformed)?;
        let (name, default) = match inner.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inner, None),
        };
        if !is_name(name) {
            return Err(Failure::Malformed);
        }
        let found = lookup(name).map_err(Failure::Lookup)?;
        // As in a shell, `:-` also stands in for an empty value.
        let found = found.filter(|it| default.is_none() || !it.is_empty());
        match found.as_deref().or(default) {
            Some(value) => out.push_str(value),
            None => return Err(Failure::Unset(name.to_owned())),
        }
        rest = after;
    }
    out.push_str(rest);
    Ok(out)
}

/// Whether `text` uses a variable.
pub(crate) fn refers(text: &str) -> bool {
    // Any answer will do to learn whether one is asked for.
    let mut asked = false;
    let outcome = interpolate::<()>(text, |_| {
        asked = true;
        Ok(Some(String::new()))
    });
    asked || outcome.is_err()
}

/// Whether `text` can be the name of a variable.
pub(crate) fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(text: &str) -> Result<String, Failure<()>> {
        interpolate(text, |name| {
            Ok(match name {
                "A" => Some("x${B}".to_owned()),
                "EMPTY" => Some(String::new()),
                _ => None,
            })
        })
    }

    #[test]
    fn references_are_replaced_once() {
        assert_eq!(run("<${A}>"), Ok("<x${B}>".into()));
        assert_eq!(run("pa$word $A $$ 5$"), Ok("pa$word $A $$ 5$".into()));
        assert_eq!(run("$${A}"), Ok("${A}".into()));
        assert_eq!(run("${B:-b}${EMPTY:-e}${EMPTY}"), Ok("be".into()));
    }

    #[test]
    fn what_is_no_reference_is_refused() {
        assert_eq!(run("${A"), Err(Failure::Malformed));
        assert_eq!(run("${}"), Err(Failure::Malformed));
        assert_eq!(run("${a b}"), Err(Failure::Malformed));
        assert_eq!(run("${B}"), Err(Failure::Unset("B".into())));
    }

    #[test]
    fn a_text_that_uses_a_variable_is_known() {
        assert!(refers("a${B}"));
        assert!(refers("${B"));
        assert!(!refers("$${B}"));
        assert!(!refers("pa$word"));
    }
}
