//! A table of figures, each next to its baseline. What counts is the ratio: machines differ and are shared.

use std::time::{Duration, Instant};

/// How long one figure is taken.
pub const WINDOW: Duration = Duration::from_millis(600);

/// Calls `work` over and over for a while; calls a second.
pub fn rate(mut work: impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut calls = 0_u64;
    while start.elapsed() < WINDOW {
        work();
        calls += 1;
    }
    calls as f64 / start.elapsed().as_secs_f64()
}

/// One line of the table: what was measured, its baseline, and the ratio of the two round by round.
struct Row {
    what: &'static str,
    baseline: &'static str,
    unit: &'static str,
    rounds: Vec<(f64, f64)>,
}

/// The figures of a run.
#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
}

impl Table {
    /// Adds a figure of one round and its baseline.
    pub fn add(
        &mut self,
        what: &'static str,
        unit: &'static str,
        baseline: &'static str,
        pair: (f64, f64),
    ) {
        match self
            .rows
            .iter_mut()
            .find(|row| (row.what, row.baseline) == (what, baseline))
        {
            Some(row) => row.rounds.push(pair),
            None => self.rows.push(Row {
                what,
                baseline,
                unit,
                rounds: vec![pair],
            }),
        }
    }

    /// Prints medians, and the ratio of the two round by round.
    pub fn print(&self) {
        println!(
            "{:<42} {:>12} {:>14}   {:<38} {:>8}  (lowest .. highest)",
            "measured", "median", "baseline", "baseline is", "ratio"
        );
        for row in &self.rows {
            let median_of = |pick: fn(&(f64, f64)) -> f64| {
                let mut values: Vec<f64> = row.rounds.iter().map(pick).collect();
                values.sort_by(f64::total_cmp);
                (
                    values[values.len() / 2],
                    values[0],
                    values[values.len() - 1],
                )
            };
            let (ratio, low, high) = median_of(|(value, baseline)| value / baseline);
            println!(
                "{:<42} {:>12.0} {:>14.0}   {:<38} {ratio:>8.2}  ({low:.2} .. {high:.2})",
                format!("{} [{}]", row.what, row.unit),
                median_of(|pair| pair.0).0,
                median_of(|pair| pair.1).0,
                row.baseline,
            );
        }
    }
}
