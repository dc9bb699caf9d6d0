//! The tables.

use crate::{
    results::{Results, factor, number},
    rows::{BASELINES, PEERS, Row, SECTIONS, US, why_empty},
};
use std::fmt::Write;

pub(crate) fn write(results: &Results) -> String {
    let mut text = String::from(
        "A cell has the median of the rounds, and in brackets how many times faster es-runtime was in the \
         same round: 2.00 is twice as fast, 0.50 half as fast. Where es-runtime is slower the cell is bold.\n\n\
         ## Peers\n",
    );
    for section in &SECTIONS {
        head(&mut text, section.title, &PEERS);
        for row in section.rows {
            begin(&mut text, results, row);
            for peer in PEERS {
                let cell = peer_cell(results, row, peer);
                write!(text, " {cell} |").unwrap();
            }
            text.push('\n');
        }
    }
    text.push_str("\n### Rows in which a peer is faster\n\n");
    let mut any = false;
    for section in &SECTIONS {
        for row in section.rows {
            for peer in PEERS {
                if let Some(ratio) = results.ours(row, peer).filter(|ratio| *ratio < 1.0) {
                    let (section, title, unit) = (section.title, row.title, row.unit.name());
                    let ratio = factor(ratio);
                    writeln!(
                        text,
                        "- {section}: {title}, {unit}: es-runtime has {ratio} of the speed of {peer}."
                    )
                    .unwrap();
                    any = true;
                }
            }
        }
    }
    if !any {
        text.push_str("None.\n");
    }
    text.push_str("\n## Baselines by hand\n");
    for section in &SECTIONS {
        let columns: Vec<_> = BASELINES
            .into_iter()
            .filter(|(subject, _)| {
                let mut rows = section.rows.iter();
                rows.any(|row| results.median(row.id, subject).is_some())
            })
            .collect();
        let names: Vec<_> = columns.iter().map(|(_, name)| *name).collect();
        head(&mut text, section.title, &names);
        for row in section.rows {
            begin(&mut text, results, row);
            for (subject, _) in &columns {
                let cell = cell(results, row, subject).unwrap_or_default();
                write!(text, " {cell} |").unwrap();
            }
            text.push('\n');
        }
    }
    text
}

fn head(text: &mut String, title: &str, columns: &[&str]) {
    let names = columns.join(" | ");
    let rules = "---|".repeat(columns.len() + 3);
    write!(text, "\n| {title} | unit | {US} | {names} |\n|{rules}\n").unwrap();
}

fn begin(text: &mut String, results: &Results, row: &Row) {
    let ours = results.median(row.id, US).map_or_else(String::new, number);
    write!(text, "| {} | {} | {ours} |", row.title, row.unit.name()).unwrap();
}

fn cell(results: &Results, row: &Row, subject: &str) -> Option<String> {
    let value = number(results.median(row.id, subject)?);
    let Some(ratio) = results.ours(row, subject) else {
        return Some(value);
    };
    let shown = format!("{value} ({})", factor(ratio));
    Some(if ratio < 1.0 {
        format!("**{shown}**")
    } else {
        shown
    })
}

fn peer_cell(results: &Results, row: &Row, peer: &str) -> String {
    let Some(mut cell) = cell(results, row, peer) else {
        return why_empty(peer, row.id).to_owned();
    };
    if let Some(share) = results.median(&format!("{}-failed", row.id), peer) {
        write!(cell, ", {:.0} % of tries refused", share * 100.0).unwrap();
    }
    if peer == "evento" && row.id.ends_with("load-snapshot") {
        cell.push_str(", of 1,000 events");
    }
    cell
}
