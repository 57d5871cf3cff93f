//! The one table that the figures go into.

/// How a figure stands to its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// There is no target.
    None,
    Ok,
    Over,
    /// There is a target, and no figure to hold against it.
    Unknown,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) task: String,
    pub(super) ours: String,
    pub(super) floor: String,
    pub(super) ratio: String,
    pub(super) target: String,
    pub(super) verdict: Verdict,
}

impl Row {
    /// Times in seconds and their ratio, held against the most the ratio may be.
    pub(super) fn times(task: String, ours: f64, floor: f64, ratio: f64, most: Option<f64>) -> Self {
        Self {
            task,
            ours: format!("{ours:.4} s"),
            floor: format!("{floor:.4} s"),
            ratio: format!("{ratio:.2}"),
            target: most.map_or("-".into(), |most| format!("{most}")),
            // What is no number is over as well.
            verdict: match most {
                None => Verdict::None,
                Some(most) if ratio <= most => Verdict::Ok,
                Some(_) => Verdict::Over,
            },
        }
    }

    /// Whether the target is not shown to be met.
    pub(super) fn misses(&self) -> bool {
        matches!(self.verdict, Verdict::Over | Verdict::Unknown)
    }

    fn cells(&self) -> [&str; 6] {
        let verdict = match self.verdict {
            Verdict::None => "-",
            Verdict::Ok => "ok",
            Verdict::Over => "over",
            Verdict::Unknown => "unknown",
        };
        [&self.task, &self.ours, &self.floor, &self.ratio, &self.target, verdict]
    }
}

/// The rows in columns, the figures flush right.
pub(super) fn draw(rows: &[Row]) -> String {
    let mut lines = vec![["task", "ours (median)", "floor (median)", "ratio (median)", "target", ""]];
    lines.extend(rows.iter().map(Row::cells));
    let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0);
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for line in &lines {
        let mut drawn = String::new();
        for (column, (cell, width)) in line.iter().zip(widths).enumerate() {
            if column > 0 {
                drawn.push_str("  ");
            }
            drawn +=
                &if (1..5).contains(&column) { format!("{cell:>width$}") } else { format!("{cell:<width$}") };
        }
        text.push('\n');
        text += drawn.trim_end();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_target_is_held_against_the_ratio() {
        let verdict = |ratio, most| Row::times(String::new(), 1.0, 1.0, ratio, most).verdict;
        assert_eq!(verdict(1.1, Some(1.1)), Verdict::Ok);
        assert_eq!(verdict(1.11, Some(1.1)), Verdict::Over);
        assert_eq!(verdict(f64::NAN, Some(1.1)), Verdict::Over);
        assert_eq!(verdict(9.0, None), Verdict::None);
    }

    #[test]
    fn the_table_is_in_columns() {
        let rows = [
            Row::times("apply 1000".into(), 0.4123, 0.4, 1.0305, Some(1.1)),
            Row::times("noop".into(), 10.0, 0.03, 333.333, Some(1.2)),
        ];
        assert_eq!(
            draw(&rows),
            "
task        ours (median)  floor (median)  ratio (median)  target
apply 1000       0.4123 s        0.4000 s            1.03     1.1  ok
noop            10.0000 s        0.0300 s          333.33     1.2  over"
        );
    }
}
