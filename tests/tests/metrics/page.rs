//! The pages on observability say what there is, and there is what they say.

use crate::{shop, text, web};
use std::collections::{BTreeMap, BTreeSet};

const PAGE: &str = include_str!("../../../docs/observability.md");
const METRICS: &str = include_str!("../../../docs/metrics.md");
const RULES: &str = include_str!("../../../docs/prometheus-alerts.yml");
const RULES_TEST: &str = include_str!("alerts.test.yml");
const ALERTS: &str = include_str!("../../../docs/alerts.md");

/// The type and the labels of each metric.
type Metrics = BTreeMap<String, (String, BTreeSet<String>)>;

/// The table of the page.
fn documented() -> Metrics {
    let rows = METRICS.lines().filter(|line| line.starts_with("| `es_"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let quoted = |cell: &str| {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let [name] = quoted(cells[1]).try_into().expect("one name");
        (
            name,
            (cells[2].to_owned(), quoted(cells[3]).into_iter().collect()),
        )
    })
    .collect()
}

#[test]
fn every_metric_is_in_the_page_and_what_the_page_says_is_there() {
    let body = web::get(shop(), "/metrics").expect("an answer");
    let families = text::parse(&body).unwrap_or_else(|wrong| panic!("{wrong}"));
    let found: Metrics = families
        .into_iter()
        .map(|(name, family)| {
            assert!(!family.help.is_empty(), "{name} says nothing");
            let labels = family
                .samples
                .into_iter()
                .flat_map(|sample| sample.labels.into_keys());
            let labels = labels.filter(|label| label != "le").collect();
            (name, (family.kind, labels))
        })
        .collect();
    assert_eq!(found, documented());
}

#[test]
fn the_code_of_the_page_is_what_the_tests_run() {
    for code in [
        include_str!("install.rs"),
        include_str!("../traces/hook.rs"),
    ] {
        assert!(PAGE.contains(code), "the page differs from {code}");
    }
}

/// Each alert has a test, and a paragraph that says what to do.
#[test]
fn every_alert_is_explained() {
    let alerts: Vec<&str> = RULES
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    assert!(alerts.len() > 10);
    for alert in alerts {
        let test = format!("alertname: {alert}\n");
        assert_eq!(
            RULES_TEST.matches(&test).count(),
            2,
            "{alert} fires once and is silent once"
        );
        assert!(
            ALERTS.contains(&format!("| `{alert}` |")),
            "{alert} is not explained"
        );
    }
}
