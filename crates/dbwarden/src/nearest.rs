//! The nearest known word to a mistyped one.

/// Returns the known word that `word` was probably meant to be, or `None` where nothing is near.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let word = word.to_lowercase();
    let score = |candidate: &str| strsim::jaro_winkler(&word, &candidate.to_lowercase());
    let mut best: Option<(&str, f64)> = None;
    for candidate in known {
        let it = score(candidate);
        // The first of equals wins, so that the answer does not depend on anything but the list.
        if it >= 0.8 && best.is_none_or(|(_, of)| it > of) {
            best = Some((candidate, it));
        }
    }
    best.map(|(candidate, _)| candidate)
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn near_words_are_found_and_far_ones_are_not() {
        assert_eq!(nearest("protcted", ["models", "protected"]), Some("protected"));
        assert_eq!(nearest("POSTGRESS", ["mysql", "postgres"]), Some("postgres"));
        assert_eq!(nearest("oracle", ["mysql", "postgres"]), None);
    }
}
