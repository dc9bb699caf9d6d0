//! `handle` and `apply` depend on nothing but their arguments, and panic for none of them.

use super::{
    super::{
        history::{History, Step},
        model::{Answer, Live, Stop, answer, live, replay, same},
    },
    Compared, differ,
};
use std::{thread, time::SystemTime};

pub(in super::super) fn nothing_panics<A: Compared>(history: &History<A>) -> Result<(), String> {
    match live(history) {
        Err(Stop::Panicked(why)) => Err(why),
        Ok(_) | Err(Stop::Unstored(_) | Stop::Unfit(_)) => Ok(()),
    }
}

/// The same history gives the same again, later and in another thread. Each time every map has other hash seeds.
pub(in super::super) fn deterministic<A: Compared>(history: &History<A>) -> Result<(), String> {
    let Ok(first) = live(history) else {
        return Ok(());
    };
    let start = SystemTime::now();
    // Bounded, because a clock may stand still.
    let _ = (0..1_000_000).find(|_| SystemTime::now() != start);
    compare(&first, &live(history), "a second time")?;
    let elsewhere = history.clone();
    match thread::spawn(move || live(&elsewhere)).join() {
        Ok(other) => compare(&first, &other, "in another thread")?,
        Err(_) => return Err("the history panicked in another thread".to_owned()),
    }
    // The answers of a state that was made by other maps.
    let Ok(replayed) = replay::<A>(&first.stored) else {
        return Ok(());
    };
    for (number, step) in (1_usize..).zip(&history.0) {
        let Step::Command(_, command) = step else {
            continue;
        };
        let pair = (
            answer(&**command, &first.state),
            answer(&**command, &replayed),
        );
        if let (Ok(one), Ok(two)) = pair {
            if one != two {
                return Err(differ(
                    &format!("a state that was replayed answers command {number} otherwise"),
                    ("live", &one),
                    ("replayed", &two),
                ));
            }
        }
    }
    Ok(())
}

fn compare<A: Compared>(
    first: &Live<A>,
    again: &Result<Live<A>, Stop>,
    how: &str,
) -> Result<(), String> {
    let again = match again {
        Ok(again) => again,
        Err(Stop::Panicked(why) | Stop::Unstored(why) | Stop::Unfit(why)) => {
            return Err(format!("the same history fails {how}: {why}"));
        }
    };
    let answers = first.answers.iter().zip(&again.answers);
    for (number, (one, two)) in (1_usize..).zip(answers) {
        if one != two {
            return Err(differ(
                &format!("step {number} has another answer {how}"),
                ("first", one),
                ("again", two),
            ));
        }
    }
    if !same(&first.state, &again.state) {
        return Err(differ(
            &format!("the same events give another state {how}"),
            ("first", &first.state),
            ("again", &again.state),
        ));
    }
    Ok(())
}

/// A command that is rejected leaves the state as it was, and so does every `handle`: only events change it.
pub(in super::super) fn rejections_change_nothing<A: Compared>(
    history: &History<A>,
) -> Result<(), String> {
    for (index, step) in history.0.iter().enumerate() {
        let Step::Command(_, command) = step else {
            continue;
        };
        let before = History(history.0.get(..index).unwrap_or_default().to_vec());
        let Ok(Live { state, stored, .. }) = live(&before) else {
            return Ok(());
        };
        let Ok(answered) = answer(&**command, &state) else {
            return Ok(());
        };
        let Ok(unchanged) = replay::<A>(&stored) else {
            return Ok(());
        };
        if !same(&unchanged, &state) {
            let number = index.saturating_add(1);
            let what = match answered {
                Answer::Rejected(_) => format!("the rejected command {number} changed the state"),
                Answer::Events(_) => {
                    format!("`handle` of command {number} changed the state that it decided on")
                }
            };
            return Err(differ(&what, ("before", &unchanged), ("after", &state)));
        }
    }
    Ok(())
}
