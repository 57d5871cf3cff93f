//! Rounds, in each of which every contestant runs once, and what is made of their times.

use crate::failure::Failure;

/// One side of a comparison: its name, and a run that answers with its seconds.
pub(super) struct Contestant<'a> {
    pub(super) name: &'a str,
    pub(super) run: Box<dyn FnMut() -> Result<f64, Failure> + 'a>,
}

impl<'a> Contestant<'a> {
    pub(super) fn new(name: &'a str, run: impl FnMut() -> Result<f64, Failure> + 'a) -> Self {
        Self { name, run: Box::new(run) }
    }
}

/// Whether each contestant runs once before the rounds that count, so that none of them pays for cold files.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum WarmUp {
    Once,
    No,
}

/// The seconds of each contestant, in their order, round by round. The first of a round is another one each time.
pub(super) fn rounds(
    task: &str,
    rounds: usize,
    warm_up: WarmUp,
    contestants: &mut [Contestant<'_>],
) -> Result<Vec<Vec<f64>>, Failure> {
    if warm_up == WarmUp::Once {
        for contestant in contestants.iter_mut() {
            (contestant.run)()?;
        }
    }
    let mut seconds = vec![Vec::with_capacity(rounds); contestants.len()];
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            let at = (round + turn) % contestants.len();
            seconds[at].push((contestants[at].run)()?);
        }
        let shown: Vec<String> = contestants
            .iter()
            .zip(&seconds)
            .filter_map(|(contestant, seconds)| Some(format!("{} {:.4} s", contestant.name, seconds.last()?)))
            .collect();
        eprintln!("{task} {}/{rounds}: {}", round + 1, shown.join(", "));
    }
    Ok(seconds)
}

/// The middle value; of an even number the mean of the two in the middle; of none NaN.
pub(super) fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.get(middle), middle.checked_sub(1).and_then(|below| sorted.get(below))) {
        (Some(upper), Some(lower)) if sorted.len().is_multiple_of(2) => f64::midpoint(*lower, *upper),
        (Some(value), _) => *value,
        (None, _) => f64::NAN,
    }
}

/// The median of the ratios taken inside each round.
pub(super) fn ratio(ours: &[f64], floor: &[f64]) -> f64 {
    let ratios: Vec<f64> = ours.iter().zip(floor).map(|(ours, floor)| ours / floor).collect();
    median(&ratios)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::cell::RefCell;

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median(&[3.0, 1.0, 2.0]).to_string(), "2");
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]).to_string(), "2.5");
        assert_eq!(median(&[5.0]).to_string(), "5");
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn the_ratio_is_taken_round_by_round() {
        // The quotient of the medians would be 2.
        assert_eq!(ratio(&[1.0, 4.0, 9.0], &[1.0, 2.0, 3.0]).to_string(), "2");
        assert_eq!(ratio(&[2.0, 4.0, 4.0], &[2.0, 4.0, 1.0]).to_string(), "1");
    }

    #[test]
    fn a_round_begins_with_another_contestant_each_time() {
        let order = RefCell::new(String::new());
        let run = |name: char, seconds: f64| {
            let order = &order;
            move || {
                order.borrow_mut().push(name);
                Ok(seconds)
            }
        };
        let seconds = rounds(
            "test",
            3,
            WarmUp::Once,
            &mut [Contestant::new("a", run('a', 1.0)), Contestant::new("b", run('b', 2.0))],
        )
        .unwrap();
        assert_eq!(order.borrow().as_str(), "ababbaab");
        assert_eq!(seconds, [[1.0; 3], [2.0; 3]]);
    }

    #[test]
    fn a_run_that_fails_ends_the_rounds() {
        let failed = rounds(
            "test",
            3,
            WarmUp::No,
            &mut [Contestant::new("a", || Err(Failure::new("998 tables, not 1000")))],
        );
        assert_eq!(failed.unwrap_err().to_string(), "998 tables, not 1000");
    }
}
