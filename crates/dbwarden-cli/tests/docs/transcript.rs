//! What was printed, beside what is shown.

/// A line of a document that stands for any lines.
pub(crate) const ANY: &str = "...";

/// Whether `printed` is what `shown` says, both with everything taken out that differs from run to run.
pub(crate) fn matches(shown: &[String], printed: &[String]) -> bool {
    let (mut left, mut right) = (0, 0);
    // Where the last `...` stands, and up to where it reaches so far.
    let mut any: Option<(usize, usize)> = None;
    while right < printed.len() {
        if shown.get(left).is_some_and(|line| line == ANY) {
            any = Some((left, right));
            left += 1;
        } else if shown.get(left).is_some_and(|line| *line == printed[right]) {
            left += 1;
            right += 1;
        } else if let Some((dots, reach)) = any {
            any = Some((dots, reach + 1));
            (left, right) = (dots + 1, reach + 1);
        } else {
            return false;
        }
    }
    shown[left..].iter().all(|line| line == ANY)
}

/// Shows where the two part: `-` is what the document shows, `+` what was printed.
pub(crate) fn difference(shown: &[String], printed: &[String]) -> String {
    let same = shown.iter().zip(printed).take_while(|(left, right)| left == right).count();
    let (left, right) = (&shown[same..], &printed[same..]);
    let tail = left.iter().rev().zip(right.iter().rev()).take_while(|(left, right)| left == right).count();
    let mut text = String::new();
    let mut add = |sign: &str, lines: &[String]| {
        for line in lines {
            text.push_str(&format!("    {sign} {line}\n"));
        }
    };
    add(" ", &shown[..same]);
    add("-", &left[..left.len() - tail]);
    add("+", &right[..right.len() - tail]);
    add(" ", &left[left.len() - tail..]);
    text
}

/// The lines of `text` without space at their ends, and without empty ones at its end.
pub(crate) fn lines(text: &str) -> Vec<String> {
    let mut lines: Vec<_> = text.lines().map(|line| line.trim_end().to_owned()).collect();
    while lines.last().is_some_and(String::is_empty) {
        lines.pop();
    }
    lines
}

#[test]
fn three_dots_are_any_lines() {
    let matches = |shown: &str, printed: &str| {
        let split = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
        matches(&split(shown), &split(printed))
    };
    assert!(matches("", ""));
    assert!(matches("a b", "a b"));
    assert!(!matches("a b", "a c"));
    assert!(!matches("a", "a b"));
    assert!(!matches("a b", "a"));
    assert!(matches("...", ""));
    assert!(matches("...", "a b"));
    assert!(matches("a ... d", "a b c d"));
    assert!(matches("a ... d ...", "a d"));
    assert!(matches("... b c ... e", "a b b c d e"));
    assert!(!matches("... b c ... e", "a b b d e"));
    assert!(!matches("a ... c", "a b c d"));
}
