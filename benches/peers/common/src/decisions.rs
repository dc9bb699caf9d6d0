//! A decision about two things: a course that has so many seats, and a student who takes so many courses.

use crate::{CALLERS, Report};
use std::{
    collections::HashMap,
    future::Future,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Instant,
};

/// The seats of every course, so that a decision meets ten subscriptions to its course on average.
pub const SEATS: u64 = 20;
/// The courses of a student. Each student takes one here, so the other half of the decision reads nothing, and still has to hold.
pub const COURSES: u64 = 10;

/// What became of a try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tried {
    /// It is stored.
    Subscribed,
    /// The course was full.
    Full,
    /// Somebody else was first.
    Conflict,
}

/// A library with its store, or a baseline.
pub trait School: Clone + Send + Sync + 'static {
    /// Reads the subscriptions to the course and those of the student, decides, and stores the new one unless one of them is not current any more.
    fn subscribe(&self, student: String, course: String) -> impl Future<Output = Tried> + Send;
}

/// Which course a caller takes next.
#[derive(Clone)]
enum Courses {
    /// Each caller has courses of its own.
    Own,
    /// All have the same one until it is full.
    Hot(Arc<AtomicU64>),
}

/// Measures the decisions of one caller, of many with courses of their own, and of many who all want the same course.
pub async fn decisions<S: School>(report: &mut Report, group: &str, school: &S) {
    for (name, callers, is_hot) in [
        ("1", 1, false),
        ("32", CALLERS, false),
        ("hot", CALLERS, true),
    ] {
        let row = format!("{group}-{name}");
        if report.wants(&row) {
            measure(report, &row, school, callers, is_hot).await;
        }
    }
}

async fn measure<S: School>(
    report: &mut Report,
    row: &str,
    school: &S,
    callers: u64,
    is_hot: bool,
) {
    let courses = match is_hot {
        true => Courses::Hot(Arc::default()),
        false => Courses::Own,
    };
    let (start, window) = (Instant::now(), report.window());
    let tasks: Vec<_> = (0..callers)
        .map(|caller| {
            let (school, courses, row) = (school.clone(), courses.clone(), row.to_owned());
            tokio::spawn(async move {
                let (mut taken, mut done, mut conflicts) = (HashMap::new(), 0_u64, 0_u64);
                while start.elapsed() < window {
                    let number = match &courses {
                        Courses::Own => done / SEATS,
                        Courses::Hot(all) => all.load(Ordering::Relaxed) / SEATS,
                    };
                    let course = match is_hot {
                        true => format!("{row}-{number}"),
                        false => format!("{row}-{caller}-{number}"),
                    };
                    let student = format!("{row}-{caller}-{done}");
                    match school.subscribe(student, course).await {
                        Tried::Subscribed => {
                            done += 1;
                            *taken.entry(number).or_insert(0_u64) += 1;
                            if let Courses::Hot(all) = &courses {
                                all.fetch_add(1, Ordering::Relaxed);
                            }
                        }
                        Tried::Conflict => conflicts += 1,
                        // Those who took the last seats are about to count it.
                        Tried::Full => tokio::task::yield_now().await,
                    }
                }
                (taken, done, conflicts)
            })
        })
        .collect();
    let (mut taken, mut done, mut conflicts) = (HashMap::<u64, u64>::new(), 0, 0);
    for task in tasks {
        let (own, counted, met) = task.await.unwrap();
        done += counted;
        conflicts += met;
        for (course, students) in own {
            *taken.entry(course).or_default() += students;
        }
    }
    report.value(row, done as f64 / start.elapsed().as_secs_f64());
    if conflicts > 0 {
        let share = conflicts as f64 / (done + conflicts) as f64;
        report.value(&format!("{row}-failed"), share);
    }
    // Whoever lets more in than there are seats does other work.
    if is_hot {
        assert!(taken.values().all(|taken| *taken <= SEATS), "{taken:?}");
    }
}
