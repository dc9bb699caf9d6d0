//! The list of checks. The tests of [`conformance!`](crate::conformance!), the report and the catalogue are made
//! from it.

use super::AnyFixture;

/// One check of the suite.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Check {
    /// The id in the catalogue: a letter for the subject and a number.
    pub id: &'static str,
    /// The module of the check.
    pub module: &'static str,
    /// The name, which states the requirement.
    pub name: &'static str,
    /// Runs the check for at most [`PATIENCE`](super::PATIENCE). It panics when the store fails.
    pub run: fn(AnyFixture),
}

/// All checks of a store of events and snapshots, in order.
///
/// ```
/// use es_testkit::conformance;
///
/// let checks = conformance::checks();
/// assert!(checks.iter().any(|check| check.name == "a_stale_version_is_refused"));
/// ```
pub fn checks() -> Vec<Check> {
    crate::__conformance_checks!(__conformance_list, ())
}

/// All checks of what sagas need from a store, in order. They take a fixture from
/// [`AnyFixture::with_work`].
///
/// ```
/// use es_testkit::conformance;
///
/// let checks = conformance::saga_checks();
/// assert!(checks.iter().any(|check| check.name == "a_commit_writes_all_of_it"));
/// ```
pub fn saga_checks() -> Vec<Check> {
    crate::__saga_checks!(__conformance_list, ())
}

/// All checks of a store that commits to several streams and has no work queue, in order. They take a fixture from
/// [`AnyFixture::with_commits`].
///
/// ```
/// use es_testkit::conformance;
///
/// let checks = conformance::commit_checks();
/// assert!(checks.iter().any(|check| check.name == "work_items_are_as_declared"));
/// ```
pub fn commit_checks() -> Vec<Check> {
    crate::__commit_checks!(__conformance_list, ())
}

/// Runs the check with this module and name.
///
/// # Panics
/// The check failed, or there is none with this name.
pub fn run_check(module: &str, name: &str, fixture: AnyFixture) {
    let mut all = checks()
        .into_iter()
        .chain(saga_checks())
        .chain(commit_checks());
    let check = all.find(|check| check.module == module && check.name == name);
    let check = check.expect("a check of the list");
    (check.run)(fixture);
}

/// Entries of the catalogue without a check, and the reason.
pub const ABSENT: &[(&str, &str)] = &[
    (
        "A13",
        "an append is for one stream; `CommitStore` has several, with checks of its own",
    ),
    (
        "B4",
        "a store has no tenants: give each tenant a store, or a part of the stream id",
    ),
    ("J1", "a store has no tenants"),
    (
        "J3",
        "syncs are visible only from outside the process, to a recorder of system calls",
    ),
];

/// Passes the list to a macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_checks {
    ($then:ident, $with:tt) => {
        $crate::$then! { $with
            append: [
                "A1" no_stream_starts_a_stream,
                "A2" no_stream_is_refused_on_an_existing_stream,
                "A3" the_exact_version_is_accepted,
                "A4" a_stale_version_is_refused,
                "A5" a_future_version_is_refused,
                "A6" stream_exists_needs_a_stream,
                "A7" any_version_lets_every_writer_in_once,
                "A8" one_of_a_hundred_racing_writers_wins,
                "A9" a_loser_writes_nothing,
                "A10" an_append_without_events_writes_nothing,
                "A11" a_batch_is_stored_whole_or_not_at_all,
                "A12" answers_agree_with_what_is_read,
                "A14" a_thousand_random_operations_leave_no_gaps,
            ]
            idempotency: [
                "B1" the_same_request_twice_has_one_effect,
                "B1" an_append_id_without_events_is_remembered,
                "B1" a_refused_append_leaves_its_id_free,
                "B1" an_id_belongs_to_its_stream,
                "B1" racing_repeats_have_one_effect,
                "B2" a_request_is_known_after_ten_thousand_others,
                "B3" other_content_under_a_known_id_is_refused,
                "B3" an_id_of_another_request_is_refused,
                "B5" find_append_finds_what_was_done,
                "B5" a_dropped_append_is_resolved_by_its_id,
                "B6" a_known_event_id_is_refused,
                "B7" a_batch_of_requests_can_be_sent_again,
            ]
            reading: [
                "C1" ranges_and_limits_bound_a_read,
                "C1" a_fold_starts_and_stops_where_it_says,
                "C2" an_unknown_stream_is_empty,
                "C3" a_read_during_appends_sees_whole_batches,
                "C4" a_damaged_row_is_an_error_that_names_it,
                "C5" a_dropped_read_frees_its_place,
                "C6" page_size_does_not_change_the_result,
                "C7" a_hundred_thousand_events_fold,
            ]
            feed: [
                "D1" positions_rise_and_the_head_is_the_last,
                "D2" the_feed_agrees_with_every_stream,
                "D3" slow_commits_hide_nothing,
                "D4" a_refused_append_does_not_hold_up_the_feed,
                "D5" a_foreign_transaction_hides_nothing,
                "D6" filtering_and_resuming_commute,
                "D7" reading_goes_on_from_every_position,
                "D7" a_page_says_where_the_next_one_starts,
                "D8" a_checkpoint_at_the_end_is_not_ahead,
                "D9" nothing_is_missed_while_writers_write,
                "D9" catching_up_and_following_lose_nothing,
                "D10" a_reader_without_wakes_finds_everything,
                "D10" wakes_come_as_declared,
                "D11" a_feed_of_aggregates_has_their_events_only,
            ]
            listing: [
                "L1" streams_are_listed_in_order_and_by_pages,
                "L2" a_stream_without_events_is_not_listed,
                "L3" many_are_loaded_as_each_one_alone,
            ]
            fidelity: [
                "E1" payloads_come_back_byte_for_byte,
                "E2" numbers_at_their_ends_come_back,
                "E3" similar_ids_stay_apart,
                "E4" hostile_texts_come_back,
                "E5" metadata_comes_back,
                "E6" times_and_ids_come_back,
                "E7" nesting_comes_back,
                "E8" limits_are_exact,
            ]
            snapshots: [
                "F1" a_saved_snapshot_comes_back,
                "F1" states_come_back_byte_for_byte,
                "F2" the_newest_snapshot_is_kept,
                "F3" a_snapshot_of_another_shape_takes_over,
                "F3" a_snapshot_of_another_shape_changes_no_result,
                "F4" a_snapshot_of_garbage_changes_no_result,
                "F5" a_snapshot_ahead_of_its_stream_changes_no_result,
                "F5" snapshots_and_events_do_not_touch,
                "F6" deleting_a_snapshot_twice_is_deleting_it_once,
                "F7" cached_states_change_no_result,
            ]
            checkpoints: [
                "K1" a_replaced_owner_is_refused,
                "K2" rows_and_checkpoint_move_together,
                "K3" two_runners_count_once,
                "K4" an_owner_that_slept_past_its_lease_is_refused,
                "K5" projections_have_checkpoints_of_their_own,
            ]
            lifecycle: [
                "H1" two_handles_are_one_store_or_two,
                "H2" opening_at_once_makes_one_store,
                "H3" a_store_for_reading_refuses_to_write,
                "H4" a_close_answers_what_is_in_flight,
                "H5" a_store_that_was_left_behind_opens_again,
            ]
            faults: [
                "I1" a_full_disk_refuses_and_recovers,
                "I2" lost_connections_lose_and_double_nothing,
                "I3" a_blocked_writer_is_busy_in_time,
                "I4" a_damaged_row_leaves_the_others,
                "I5" calls_can_be_dropped_at_every_poll,
                "I6" a_store_without_rights_says_so,
            ]
            safety: [
                "J2" errors_and_debug_forms_quote_no_payload,
            ]
            unique: [
                "U1" a_unique_value_has_one_holder,
                "U2" one_of_sixteen_racing_claims_wins,
                "U3" a_stream_has_one_value_for_each_rule,
                "U4" a_kept_value_is_reserved_until_its_time,
                "U5" a_repeated_append_claims_nothing,
                "U6" a_refused_append_claims_nothing,
                "U7" values_are_bounded_and_compared_byte_by_byte,
                "U8" a_taken_value_fails_no_neighbour,
                "U9" a_rule_is_on_from_the_first_event,
                "U10" an_event_and_its_claim_are_there_or_neither_is,
                "U11" a_program_without_the_rule_is_fenced,
                "U12" a_rule_is_turned_on_for_older_events,
                "U13" the_first_event_wins_where_that_is_wanted,
                "U14" a_rule_that_is_on_for_some_events_is_turned_on_for_all,
                "U15" a_later_claim_outlives_the_walk_of_older_events,
            ]
            tags: [
                "T1" a_query_finds_the_events_with_its_tags,
                "T2" events_of_one_append_have_their_own_tags,
                "T3" an_event_may_have_several_tags_of_one_kind,
                "T4" tags_are_compared_byte_by_byte,
                "T4" tags_out_of_bounds_are_refused,
                "T5" a_refused_or_repeated_append_adds_no_tags,
                "T6" an_answer_is_never_a_part,
                "T7" a_program_without_the_kind_is_fenced,
                "T8" a_kind_is_turned_on_for_older_events,
                "T9" an_event_and_its_tags_are_there_or_neither_is,
                "T10" the_end_of_a_page_is_that_of_its_events,
                "T11" random_queries_find_what_a_scan_finds,
            ]
            tags_backward: [
                "T12" the_newest_events_are_found_first,
                "T13" the_end_of_a_page_backward_is_that_of_its_events,
                "T14" random_queries_find_the_newest_of_a_scan,
            ]
        }
    };
}

/// Passes the list of the checks of sagas to a macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __saga_checks {
    ($then:ident, $with:tt) => {
        $crate::$then! { $with
            sagas: [
                "S1" a_commit_writes_all_of_it,
                "S2" a_commit_that_is_refused_writes_nothing,
                "S3" one_of_many_racing_commits_wins,
                "S4" an_instance_is_claimed_by_one_of_many,
                "S5" only_the_newest_epoch_writes_and_renews,
                "S6" only_what_is_due_and_running_is_claimed,
                "S7" rows_are_listed_in_order_and_by_filter,
                "S8" the_space_of_a_store_stays,
                "S9" a_commit_wakes_readers,
                "S10" an_append_without_events_guards_its_stream,
                "S11" claims_of_a_commit_follow_its_order,
                "S13" a_work_item_that_was_lost_begins_above_its_epochs,
                "S12" a_taken_value_fails_no_commit_beside_it,
            ]
            guards: [
                "G1" a_guard_refuses_what_came_after_its_position,
                "G2" one_of_sixteen_racing_guards_wins,
                "G3" guards_of_other_tags_do_not_collide,
                "G4" a_guard_sees_neither_its_own_commit_nor_a_refused_one,
                "G5" a_guard_ahead_of_the_store_is_refused,
                "G6" a_repeated_commit_comes_before_its_guards,
                "G7" a_guard_needs_the_tags_of_all_events,
                "G8" tags_of_a_refused_commit_are_not_there,
            ]
        }
    };
}

/// Passes the list of the checks of commits without work items to a macro of this crate.
#[doc(hidden)]
#[macro_export]
macro_rules! __commit_checks {
    ($then:ident, $with:tt) => {
        $crate::$then! { $with
            commits: [
                "M1" appends_of_a_commit_are_all_there,
                "M2" a_refused_commit_leaves_nothing,
                "M3" one_of_many_racing_commits_wins,
                "M4" an_append_without_events_guards_its_stream,
                "M5" a_cursor_moves_with_its_commit,
                "M6" work_items_are_as_declared,
                "M7" a_commit_wakes_readers,
                "M8" dropped_commits_are_there_or_not,
                "M9" each_of_several_guarded_streams_is_compared,
                "M10" claims_of_a_commit_follow_its_order,
                "M11" a_taken_value_fails_no_commit_beside_it,
            ]
            guards: [
                "G1" a_guard_refuses_what_came_after_its_position,
                "G2" one_of_sixteen_racing_guards_wins,
                "G3" guards_of_other_tags_do_not_collide,
                "G4" a_guard_sees_neither_its_own_commit_nor_a_refused_one,
                "G5" a_guard_ahead_of_the_store_is_refused,
                "G6" a_repeated_commit_comes_before_its_guards,
                "G7" a_guard_needs_the_tags_of_all_events,
                "G8" tags_of_a_refused_commit_are_not_there,
            ]
        }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_list {
    (() $($module:ident: [$($id:literal $check:ident,)*])*) => {
        ::std::vec![$($(
            $crate::conformance::Check {
                id: $id,
                module: ::std::stringify!($module),
                name: ::std::stringify!($check),
                run: |fixture| {
                    $crate::conformance::run($crate::conformance::$module::$check(fixture));
                },
            },
        )*)*]
    };
}

/// Makes one test for each check of a store, with a [`StoreFixture`](crate::conformance::StoreFixture).
///
/// The expression is evaluated once for each test. An attribute before it applies to each test:
/// `conformance!(#[ignore = "needs a server"] Fixture::new())`.
#[macro_export]
macro_rules! conformance {
    (#[$attribute:meta] $fixture:expr) => {
        $crate::__conformance_checks! { __conformance_tests, (#[$attribute] new $fixture) }
    };
    ($fixture:expr) => {
        $crate::conformance! { #[cfg(all())] $fixture }
    };
}

/// Makes one test for each check of what sagas need from a store, with a [`StoreFixture`](crate::conformance::StoreFixture). Its store
/// implements [`WorkQueue`](es_runtime::WorkQueue).
///
/// The arguments are those of [`conformance!`](crate::conformance!).
#[macro_export]
macro_rules! saga_conformance {
    (#[$attribute:meta] $fixture:expr) => {
        $crate::__saga_checks! { __conformance_tests, (#[$attribute] with_work $fixture) }
    };
    ($fixture:expr) => {
        $crate::saga_conformance! { #[cfg(all())] $fixture }
    };
}

/// Makes one test for each check of a store that commits to several streams and has no work queue, with a
/// [`StoreFixture`](crate::conformance::StoreFixture). Its store implements [`CommitStore`](es_runtime::CommitStore).
///
/// The arguments are those of [`conformance!`](crate::conformance!).
#[macro_export]
macro_rules! commit_conformance {
    (#[$attribute:meta] $fixture:expr) => {
        $crate::__commit_checks! { __conformance_tests, (#[$attribute] with_commits $fixture) }
    };
    ($fixture:expr) => {
        $crate::commit_conformance! { #[cfg(all())] $fixture }
    };
}

#[doc(hidden)]
#[macro_export]
macro_rules! __conformance_tests {
    ((#[$attribute:meta] $make:ident $fixture:expr) $($module:ident: [$($id:literal $check:ident,)*])*) => {
        $(
            mod $module {
                #[allow(unused_imports)]
                use super::*;
                $(
                    #[test]
                    #[$attribute]
                    fn $check() {
                        let fixture = $crate::conformance::AnyFixture::$make($fixture);
                        let (module, check) = (::std::stringify!($module), ::std::stringify!($check));
                        $crate::conformance::run_check(module, check, fixture);
                    }
                )*
            }
        )*
    };
}
