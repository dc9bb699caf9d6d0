//! The results of a run: medians, and ratios of results of the same round.

use crate::rows::{Row, US};
use serde::Deserialize;
use std::{collections::BTreeMap, fs, path::Path};

#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    Result {
        row: String,
        subject: String,
        value: f64,
    },
    Round {
        round: u64,
    },
}

/// The value of each round by row and subject.
pub(crate) struct Results {
    values: BTreeMap<(String, String), BTreeMap<u64, f64>>,
    pub(crate) rounds: u64,
}

impl Results {
    pub(crate) fn read(path: &Path) -> Self {
        let mut values = BTreeMap::new();
        let mut current = 1;
        for line in fs::read_to_string(path).unwrap().lines() {
            match serde_json::from_str(line).unwrap() {
                Line::Result {
                    row,
                    subject,
                    value,
                } => {
                    let rounds: &mut BTreeMap<u64, f64> = values.entry((row, subject)).or_default();
                    rounds.insert(current, value);
                }
                Line::Round { round } => current = round + 1,
            }
        }
        let rounds = current - 1;
        Self { values, rounds }
    }

    fn of(&self, row: &str, subject: &str) -> Option<&BTreeMap<u64, f64>> {
        self.values.get(&(row.to_owned(), subject.to_owned()))
    }

    pub(crate) fn median(&self, row: &str, subject: &str) -> Option<f64> {
        self.of(row, subject)
            .map(|rounds| median(rounds.values().copied()))
    }

    /// The speed of `one` in times that of `other`, in the same round each: the median.
    pub(crate) fn ratio(&self, row: &Row, one: &str, other: &str) -> Option<f64> {
        let (one, other) = (self.of(row.id, one)?, self.of(row.id, other)?);
        let ratios: Vec<f64> = one
            .iter()
            .filter_map(|(round, value)| {
                let other = other.get(round)?;
                Some(row.unit.speed(*value) / row.unit.speed(*other))
            })
            .collect();
        (!ratios.is_empty()).then(|| median(ratios.into_iter()))
    }

    /// How much faster es-runtime is.
    pub(crate) fn ours(&self, row: &Row, other: &str) -> Option<f64> {
        self.ratio(row, US, other)
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len().is_multiple_of(2) {
        f64::midpoint(values[middle - 1], values[middle])
    } else {
        values[middle]
    }
}

/// With commas, and decimals where it is small.
pub(crate) fn number(value: f64) -> String {
    if value < 10.0 {
        return format!("{value:.1}");
    }
    let digits = if value < 10_000.0 {
        format!("{value:.0}")
    } else {
        // Three digits are more than such a figure has to say.
        let unit = 10_f64.powf(value.log10().floor() - 2.0);
        format!("{:.0}", (value / unit).round() * unit)
    };
    let mut text = String::new();
    for (index, digit) in digits.char_indices() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Two digits that count.
pub(crate) fn factor(value: f64) -> String {
    if value < 9.95 {
        format!("{value:.2}")
    } else {
        format!("{value:.0}")
    }
}
