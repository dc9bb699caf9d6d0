//! The plot: for each row a bar for everybody, on one axis of speeds in times that of the same work by hand.

use crate::{
    results::{Results, number},
    rows::{Row, SECTIONS, US, Unit},
};
use std::fmt::Write;

/// Everybody with a colour and a name.
const SUBJECTS: [(&str, &str, &str); 8] = [
    (US, "#0b5cad", "es-runtime"),
    ("same", "#6b7280", "the same work by hand"),
    ("bare", "#b6bcc6", "bare, by hand"),
    ("cqrs-es", "#d9822b", "cqrs-es"),
    ("evento", "#2f9e6e", "evento"),
    ("esrs", "#8a5cc2", "esrs"),
    ("disintegrate", "#c0445a", "disintegrate"),
    ("umadb", "#0f9bb5", "umadb"),
];

const WIDTH: f64 = 900.0;
/// Where the axis begins and ends.
const LEFT: f64 = 250.0;
const RIGHT: f64 = 800.0;
const BAR: f64 = 11.0;
/// The speeds at the ends of the axis.
const LOWEST: f64 = 0.003;
const HIGHEST: f64 = 6.0;

fn place(speed: f64) -> f64 {
    let share = (speed.clamp(LOWEST, HIGHEST) / LOWEST).ln() / (HIGHEST / LOWEST).ln();
    LEFT + share * (RIGHT - LEFT)
}

/// The bars of a row, with what stands at their ends.
fn bars(results: &Results, row: &Row) -> Vec<(&'static str, f64, String)> {
    let bar = |(subject, colour, _): (&str, &'static str, &str)| {
        let speed = results.ratio(row, subject, "same")?;
        let value = number(results.median(row.id, subject)?);
        let value = match row.unit {
            Unit::Microseconds | Unit::MicrosecondsOfProcessor => format!("{value} µs"),
            Unit::Events | Unit::Commands | Unit::Decisions => format!("{value}/s"),
        };
        Some((colour, speed, value))
    };
    SUBJECTS.into_iter().filter_map(bar).collect()
}

pub(crate) fn draw(results: &Results) -> String {
    let mut body = String::new();
    let mut y = 106.0;
    let mut lines = Vec::new();
    for section in &SECTIONS {
        let rows: Vec<_> = section
            .rows
            .iter()
            .filter(|row| row.unit != Unit::MicrosecondsOfProcessor)
            .map(|row| (row, bars(results, row)))
            .filter(|(_, bars)| !bars.is_empty())
            .collect();
        if rows.is_empty() {
            continue;
        }
        y += 26.0;
        let title = section.title;
        writeln!(
            body,
            r##"<text x="20" y="{y}" font-size="14" font-weight="bold" fill="#111827">{title}</text>"##
        )
        .unwrap();
        y += 10.0;
        let top = y;
        for (row, bars) in rows {
            let height = BAR * bars.len() as f64;
            let middle = y + height / 2.0 + 4.0;
            let end = LEFT - 10.0;
            let title = row.title;
            writeln!(
                body,
                r##"<text x="{end}" y="{middle:.1}" font-size="12" text-anchor="end" fill="#111827">{title}</text>"##
            )
            .unwrap();
            for (colour, speed, value) in bars {
                let width = place(speed) - LEFT;
                let (text_x, text_y) = (place(speed) + 4.0, y + BAR - 2.0);
                let thick = BAR - 2.0;
                writeln!(
                    body,
                    r##"<rect x="{LEFT}" y="{y:.1}" width="{width:.1}" height="{thick}" fill="{colour}"/><text x="{text_x:.1}" y="{text_y:.1}" font-size="9.5" fill="#374151">{value}</text>"##
                )
                .unwrap();
                y += BAR;
            }
            y += 8.0;
        }
        lines.push((top - 2.0, y - 6.0));
    }
    let height = y + 16.0;
    let mut svg = format!(
        r##"<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{height:.0}" viewBox="0 0 {WIDTH} {height:.0}" font-family="Helvetica, Arial, sans-serif">
<rect width="{WIDTH}" height="{height:.0}" fill="#ffffff"/>
<text x="20" y="30" font-size="17" font-weight="bold" fill="#111827">Speed in times that of the same work by hand</text>
<text x="20" y="50" font-size="12" fill="#374151">The axis is logarithmic; longer is faster. At the end of a bar is what was measured: a rate, or the time of a load.</text>
"##
    );
    let mut x = 20.0;
    for (_, colour, name) in SUBJECTS {
        let text = x + 16.0;
        writeln!(
            svg,
            r##"<rect x="{x:.0}" y="66" width="11" height="11" fill="{colour}"/><text x="{text:.0}" y="76" font-size="12" fill="#111827">{name}</text>"##
        )
        .unwrap();
        x += 34.0 + name.chars().count() as f64 * 6.4;
    }
    for speed in [0.01, 0.1, 1.0] {
        let x = place(speed);
        let (colour, name) = if speed < 1.0 {
            ("#e5e7eb", format!("{speed}"))
        } else {
            ("#9ca3af", "1".to_owned())
        };
        writeln!(
            svg,
            r##"<text x="{x:.1}" y="106" font-size="11" text-anchor="middle" fill="#374151">{name}</text>"##
        )
        .unwrap();
        for (top, bottom) in &lines {
            writeln!(
                svg,
                r#"<line x1="{x:.1}" x2="{x:.1}" y1="{top:.1}" y2="{bottom:.1}" stroke="{colour}"/>"#
            )
            .unwrap();
        }
    }
    svg.push_str(&body);
    svg.push_str("</svg>\n");
    svg
}
