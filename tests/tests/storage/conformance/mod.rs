//! The conformance suite on the stores of this workspace, and on stores that are broken on purpose:
//! a suite that cannot fail proves nothing.

mod broken;
mod broken_tags;

use es_testkit::conformance::{ABSENT, checks};
use std::collections::BTreeSet;

mod memory {
    use es_tests::fixtures::Memory;
    es_testkit::conformance!(Memory);
    es_testkit::saga_conformance!(Memory);
}

mod sqlite {
    use es_tests::fixtures::Sqlite;
    es_testkit::conformance!(Sqlite::fresh());
    es_testkit::saga_conformance!(Sqlite::fresh());
}

#[cfg(unix)]
mod postgres {
    use es_tests::fixtures::Postgres;
    es_testkit::conformance!(
        #[cfg_attr(
            not(postgres),
            ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
        )]
        Postgres::fresh()
    );
    es_testkit::saga_conformance!(
        #[cfg_attr(
            not(postgres),
            ignore = "needs PostgreSQL: install it or set ES_POSTGRES_BIN"
        )]
        Postgres::fresh()
    );
}

/// The catalogue has 98 places; each has a check, or a reason why there is none.
#[test]
fn the_catalogue_is_complete() {
    let sizes = [
        ('A', 14),
        ('B', 7),
        ('C', 7),
        ('D', 10),
        ('E', 8),
        ('F', 7),
        ('H', 5),
        ('I', 6),
        ('J', 3),
        ('K', 5),
        ('U', 15),
        ('T', 11),
    ];
    let places: BTreeSet<String> = sizes
        .into_iter()
        .flat_map(|(letter, size)| (1..=size).map(move |number| format!("{letter}{number}")))
        .collect();
    assert_eq!(places.len(), 98);
    let checks = checks();
    let covered: BTreeSet<String> = checks.iter().map(|check| check.id.to_owned()).collect();
    let absent: BTreeSet<String> = ABSENT.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert!(covered.is_disjoint(&absent));
    let named: BTreeSet<String> = covered.union(&absent).cloned().collect();
    assert_eq!(named, places);
    println!("{} checks, {} places without", checks.len(), absent.len());
}
