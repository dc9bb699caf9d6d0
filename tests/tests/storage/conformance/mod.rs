//! The conformance suite on the stores of this workspace, and on stores that are broken on purpose:
//! a suite that cannot fail proves nothing.

/// Some faults show only where two calls meet, which one run cannot be sure of.
const RUNS: usize = 20;

/// Whether a check passes on a store with this fault.
macro_rules! passes {
    ($module:ident::$check:ident, $fault:expr) => {
        std::panic::catch_unwind(|| {
            let fixture = BrokenFixture::new($fault);
            let fixture = es_testkit::conformance::AnyFixture::with_work(fixture);
            let (module, check) = (stringify!($module), stringify!($check));
            es_testkit::conformance::run_check(module, check, fixture);
        })
        .is_ok()
    };
}

/// Tests that a check notices a fault, and passes without it. The module has the type `Fault` and its fixture.
macro_rules! broken_stores {
    ($($test:ident: $fault:ident => $module:ident::$check:ident;)*) => {
        $(
            #[test]
            fn $test() {
                let control = passes!($module::$check, Fault::None);
                assert!(control, "the check fails on a store that is right");
                let runs = super::RUNS;
                let is_noticed = (0..runs).any(|_| !passes!($module::$check, Fault::$fault));
                assert!(is_noticed, "{:?} is not noticed", Fault::$fault);
            }
        )*
    };
}

mod broken;
mod broken_tags;
mod plain;

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

/// The catalogue has 105 places; each has a check, or a reason why there is none.
#[test]
fn the_catalogue_is_complete() {
    let sizes = [
        ('A', 14),
        ('B', 7),
        ('C', 7),
        ('D', 11),
        ('E', 8),
        ('F', 7),
        ('H', 5),
        ('I', 6),
        ('J', 3),
        ('K', 5),
        ('L', 3),
        ('U', 15),
        ('T', 14),
    ];
    let places: BTreeSet<String> = sizes
        .into_iter()
        .flat_map(|(letter, size)| (1..=size).map(move |number| format!("{letter}{number}")))
        .collect();
    assert_eq!(places.len(), 105);
    let checks = checks();
    let covered: BTreeSet<String> = checks.iter().map(|check| check.id.to_owned()).collect();
    let absent: BTreeSet<String> = ABSENT.iter().map(|(id, _)| (*id).to_owned()).collect();
    assert!(covered.is_disjoint(&absent));
    let named: BTreeSet<String> = covered.union(&absent).cloned().collect();
    assert_eq!(named, places);
    println!("{} checks, {} places without", checks.len(), absent.len());
}
