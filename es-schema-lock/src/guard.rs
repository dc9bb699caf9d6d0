//! The check of a lock file that a test runs: it compares, creates, updates and seals.

use super::{DamagedLock, GoldenError, Lock, LockChange, Violation, golden};
use es_runtime::Aggregate;
use es_runtime::schema::{Layout, SetShapes};
use std::{
    fmt, fs,
    io::{self, Write},
    path::{Path, PathBuf},
    sync::atomic::{AtomicU32, Ordering},
};

/// Compares a lock file and its golden samples with the code of an aggregate.
///
/// The environment sets the mode, see [`LockMode::from_env`]. Use [`schema_lock!`](crate::schema_lock)
/// to write the test; call this for a check of your own.
///
/// # Errors
/// [`LockError`]. Its text shows the differences and how to resolve them.
pub fn check_lock<A>(path: impl AsRef<Path>) -> Result<LockReport, LockError>
where
    A: Aggregate,
    A::Event: SetShapes,
{
    check_lock_in::<A>(path, LockMode::from_env()?)
}

/// [`check_lock`] in a given mode.
///
/// It writes nothing when it finds an error, in every mode.
///
/// # Errors
/// [`LockError`]. Its text shows the differences and how to resolve them.
pub fn check_lock_in<A>(path: impl AsRef<Path>, mode: LockMode) -> Result<LockReport, LockError>
where
    A: Aggregate,
    A::Event: SetShapes,
{
    let path = path.as_ref().to_owned();
    let layout = Layout::of(A::CODEC);
    let (mut lock, sorted, created) = match fs::read_to_string(&path) {
        Ok(text) => match Lock::parse(&text) {
            Ok((lock, sorted)) => (lock, sorted, false),
            Err(source) => return Err(LockError::Damaged { path, source }),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if mode == LockMode::Check {
                return Err(LockError::Missing { path });
            }
            (Lock::new(), true, true)
        }
        Err(source) => return Err(LockError::Io { path, source }),
    };
    if let Err(violations) = lock.check::<A::Event>() {
        return Err(LockError::Broken {
            path,
            violations: List(violations),
        });
    }
    let mut changes = lock.update::<A::Event>(layout);
    if !sorted {
        changes.push(LockChange::Sorted);
    }
    if mode == LockMode::Check && !changes.is_empty() {
        return Err(LockError::Stale {
            path,
            changes: List(changes),
        });
    }
    if mode == LockMode::Seal {
        changes.extend(lock.seal::<A::Event>(layout));
    }
    let goldens = golden::check::<A::Event>(&lock, &golden::folder(&path), A::CODEC, mode)
        .map_err(|errors| LockError::Golden {
            errors: List(errors),
        })?;
    let mut writes = goldens.writes;
    // The lock is written last, so that a line is sealed only after its samples exist.
    if created || !changes.is_empty() {
        writes.push((path.clone(), lock.to_string()));
    }
    let mut written = Vec::with_capacity(writes.len());
    for (path, text) in writes {
        match write(&path, &text) {
            Ok(()) => written.push(path),
            Err(source) => return Err(LockError::Io { path, source }),
        }
    }
    Ok(LockReport {
        mode,
        changes,
        written,
        samples: goldens.checked,
        left_out: goldens.left_out,
    })
}

/// Writes a file completely or not at all.
pub(super) fn write(path: &Path, text: &str) -> io::Result<()> {
    static NUMBER: AtomicU32 = AtomicU32::new(0);
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder)?;
    }
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{}-{number}.tmp", std::process::id()));
    let temporary = PathBuf::from(name);
    let done = fs::File::create(&temporary)
        .and_then(|mut file| {
            file.write_all(text.as_bytes())
                .and_then(|()| file.sync_all())
        })
        .and_then(|()| fs::rename(&temporary, path));
    if done.is_err() {
        // The first error is the one to report; a temporary file may stay.
        let _ = fs::remove_file(&temporary);
    }
    done
}

/// What a check of a lock writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum LockMode {
    /// Nothing. Files that are missing or out of date are errors.
    Check,
    /// Missing lock files and golden samples, and open lines that are out of date.
    Update,
    /// The same, and it seals every open line. Use it for releases.
    Seal,
}

impl LockMode {
    /// The mode that the environment sets.
    ///
    /// `ES_LOCK` is `check`, `update` or `seal`. Without it the mode is [`Check`](LockMode::Check)
    /// where `CI` is set (and neither empty, `0` nor `false`) and [`Update`](LockMode::Update)
    /// elsewhere.
    ///
    /// # Errors
    /// [`LockError::Mode`] for any other value of `ES_LOCK`.
    pub fn from_env() -> Result<Self, LockError> {
        let get = |name| std::env::var_os(name).map(|value| value.to_string_lossy().into_owned());
        Self::from_values(get("ES_LOCK").as_deref(), get("CI").as_deref())
    }

    fn from_values(lock: Option<&str>, ci: Option<&str>) -> Result<Self, LockError> {
        let is_ci = !matches!(ci, None | Some("" | "0" | "false"));
        match (lock.unwrap_or_default(), is_ci) {
            ("seal", _) => Ok(Self::Seal),
            ("check", _) | ("", true) => Ok(Self::Check),
            ("update", _) | ("", false) => Ok(Self::Update),
            (other, _) => Err(LockError::Mode {
                value: other.to_owned(),
            }),
        }
    }
}

/// The result of a check of a lock.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct LockReport {
    /// The mode it ran in.
    pub mode: LockMode,
    /// The changes to the lock.
    pub changes: Vec<LockChange>,
    /// The files that were written.
    pub written: Vec<PathBuf>,
    /// The number of golden samples that were compared.
    pub samples: usize,
    /// The golden samples that were left out, with the reasons.
    pub left_out: Vec<String>,
}

/// Why the check of a lock failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// A file could not be read or written.
    #[error("{path}: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The reason.
        source: io::Error,
    },
    /// The environment variable `ES_LOCK` has an unknown value.
    #[error("ES_LOCK is `{value}`; it is one of `check`, `update` and `seal`")]
    Mode {
        /// The value.
        value: String,
    },
    /// The file is not a schema lock.
    #[error("{path} is not a schema lock\n{source}", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// Its lines that cannot be read.
        source: DamagedLock,
    },
    /// The file is missing, and this run writes none.
    #[error(
        "{path} is missing, and this run writes nothing\n  \
         help: run the test with `ES_LOCK=update` and commit the file",
        path = path.display()
    )]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// Open lines are out of date, and this run writes nothing.
    #[error(
        "{path} is out of date, and this run writes nothing\n  {changes}\n  \
         help: run the test with `ES_LOCK=update` and commit the file",
        path = path.display()
    )]
    Stale {
        /// The file.
        path: PathBuf,
        /// The changes that an update would make.
        changes: List<LockChange>,
    },
    /// The code breaks sealed lines.
    #[error("{path}: {violations}", path = path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// A violation for each broken line.
        violations: List<Violation>,
    },
    /// The code does not match golden samples.
    #[error("{errors}")]
    Golden {
        /// An error for each file.
        errors: List<GoldenError>,
    },
}

/// A list of problems. Its text has one below the other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T>(Vec<T>);

impl<T> std::ops::Deref for List<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.0
    }
}

impl<T: fmt::Display> fmt::Display for List<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, item) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n  ")?;
            }
            write!(f, "{item}")?;
        }
        Ok(())
    }
}

/// Writes the test that compares the events of an aggregate with their schema lock.
///
/// The path is relative to the folder of the crate's `Cargo.toml`. The test is called
/// `schema_lock`. Where a module has several, `fn NAME` before the aggregate names the test.
///
/// ```no_run
/// # mod order {
/// # use es_runtime::{*, schema::*};
/// # #[derive(Default)] pub struct Order;
/// # #[derive(Default)] pub struct Invoice;
/// # pub struct Placed;
/// # impl Event for Placed {
/// #     const NAME: &'static str = "order.placed"; const VERSION: u16 = 1;
/// #     fn to_payload(&self, _: Codec) -> Result<Vec<u8>, CodecError> { Ok(Vec::new()) }
/// #     fn from_payload(_: StoredPayload<'_>) -> Result<Self, DecodeError> { Ok(Self) }
/// # }
/// # impl SetShapes for Placed {
/// #     const EVENTS: &'static [EventShape] = &[EventShape { name: "order.placed", shapes: &[Node::Struct(&[])] }];
/// #     const RETIRED: &'static [Retired] = &[];
/// # }
/// # impl Aggregate for Order {
/// #     const NAME: &'static str = "order";
/// #     type Id = String; type Event = Placed; type Error = std::fmt::Error;
/// #     fn initial() -> Self { Self }
/// #     fn apply_event(&mut self, _: &Placed) {}
/// # }
/// # impl Aggregate for Invoice {
/// #     const NAME: &'static str = "invoice";
/// #     type Id = String; type Event = Placed; type Error = std::fmt::Error;
/// #     fn initial() -> Self { Self }
/// #     fn apply_event(&mut self, _: &Placed) {}
/// # }
/// es_schema_lock::schema_lock!(Order, "schema/order.lock");
/// es_schema_lock::schema_lock!(fn invoice_lock, Invoice, "schema/invoice.lock");
/// # }
/// ```
///
/// With `check` after the path the compiler checks the sealed lines too, see
/// [`assert_schema_lock!`](crate::assert_schema_lock).
#[macro_export]
macro_rules! schema_lock {
    (fn $name:ident, $aggregate:ty, $path:literal, check $(,)?) => {
        $crate::schema_lock!(fn $name, $aggregate, $path);
        $crate::assert_schema_lock!($aggregate, $path);
    };
    (fn $name:ident, $aggregate:ty, $path:literal $(,)?) => {
        #[test]
        fn $name() {
            let path = ::std::concat!(::std::env!("CARGO_MANIFEST_DIR"), "/", $path);
            if let ::std::result::Result::Err(error) =
                $crate::check_lock::<$aggregate>(path)
            {
                ::std::panic!("{error}");
            }
        }
    };
    ($aggregate:ty, $path:literal $(, $check:ident)? $(,)?) => {
        $crate::schema_lock!(fn schema_lock, $aggregate, $path $(, $check)?);
    };
}

/// Compares the events of an aggregate with the sealed lines of their schema lock during `cargo check`.
///
/// The file must exist. The test of [`schema_lock!`](crate::schema_lock) creates it. Keep that test: this
/// check ignores golden samples and open lines.
///
/// ```
/// # mod order {
/// # use es_runtime::{*, schema::*};
/// # #[derive(Default)] pub struct Order;
/// # pub struct Placed;
/// # impl Event for Placed {
/// #     const NAME: &'static str = "order.placed"; const VERSION: u16 = 1;
/// #     fn to_payload(&self, _: Codec) -> Result<Vec<u8>, CodecError> { Ok(Vec::new()) }
/// #     fn from_payload(_: StoredPayload<'_>) -> Result<Self, DecodeError> { Ok(Self) }
/// # }
/// # impl SetShapes for Placed {
/// #     const EVENTS: &'static [EventShape] = &[EventShape { name: "order.placed", shapes: &[Node::Struct(&[])] }];
/// #     const RETIRED: &'static [Retired] = &[];
/// # }
/// # impl Aggregate for Order {
/// #     const NAME: &'static str = "order";
/// #     type Id = String; type Event = Placed; type Error = std::fmt::Error;
/// #     fn initial() -> Self { Self }
/// #     fn apply_event(&mut self, _: &Placed) {}
/// # }
/// // The file says: order.placed v1 sealed {}
/// es_schema_lock::assert_schema_lock!(Order, "tests/lock/empty.lock");
/// # }
/// ```
///
/// ```compile_fail,E0080
/// # mod order {
/// # use es_runtime::{*, schema::*};
/// # #[derive(Default)] pub struct Order;
/// # pub struct Placed;
/// # impl Event for Placed {
/// #     const NAME: &'static str = "order.placed"; const VERSION: u16 = 1;
/// #     fn to_payload(&self, _: Codec) -> Result<Vec<u8>, CodecError> { Ok(Vec::new()) }
/// #     fn from_payload(_: StoredPayload<'_>) -> Result<Self, DecodeError> { Ok(Self) }
/// # }
/// # impl SetShapes for Placed {
/// #     const EVENTS: &'static [EventShape] = &[EventShape { name: "order.placed", shapes: &[Node::Struct(&[])] }];
/// #     const RETIRED: &'static [Retired] = &[];
/// # }
/// # impl Aggregate for Order {
/// #     const NAME: &'static str = "order";
/// #     type Id = String; type Event = Placed; type Error = std::fmt::Error;
/// #     fn initial() -> Self { Self }
/// #     fn apply_event(&mut self, _: &Placed) {}
/// # }
/// // The file says: order.placed v1 sealed {total:f64}
/// es_schema_lock::assert_schema_lock!(Order, "tests/lock/total.lock");
/// # }
/// ```
#[macro_export]
macro_rules! assert_schema_lock {
    ($aggregate:ty, $path:literal $(,)?) => {
        // The compiler warns of a long evaluation for a lock of thousands of lines.
        #[allow(long_running_const_eval)]
        const _: () = {
            use $crate::__private::{EventShape, Retired, SetShapes, compiled};
            type Set = <$aggregate as $crate::__private::Aggregate>::Event;
            const fn shapes<S: SetShapes>() -> (&'static [EventShape], &'static [Retired]) {
                (S::EVENTS, S::RETIRED)
            }
            const SHAPES: (&[EventShape], &[Retired]) = shapes::<Set>();
            const EVENTS: &[EventShape] = SHAPES.0;
            const RETIRED: &[Retired] = SHAPES.1;
            const ORDER: [usize; EVENTS.len()] = compiled::order(EVENTS);
            const LOCK: &str = ::core::include_str!(::core::concat!(
                ::core::env!("CARGO_MANIFEST_DIR"),
                "/",
                $path
            ));
            const FOUND: ::core::option::Option<compiled::Breach<'static>> =
                compiled::first_breach(LOCK, EVENTS, &ORDER, RETIRED);
            const LEN: usize = match FOUND {
                ::core::option::Option::Some(breach) => breach.message(&mut []),
                ::core::option::Option::None => 0,
            };
            const BYTES: [u8; LEN] = {
                let mut bytes = [0; LEN];
                if let ::core::option::Option::Some(breach) = FOUND {
                    breach.message(&mut bytes);
                }
                bytes
            };
            const MESSAGE: &str = compiled::text(&BYTES);
            if FOUND.is_some() {
                ::core::panic!("{}", MESSAGE);
            }
        };
    };
}

#[cfg(test)]
mod tests {
    use super::LockMode::{Check, Seal, Update};
    use super::*;

    #[test]
    fn the_environment_chooses_the_mode() {
        let mode = |lock, ci| LockMode::from_values(lock, ci).ok();
        assert_eq!(mode(None, None), Some(Update));
        assert_eq!(mode(Some(""), Some("")), Some(Update));
        assert_eq!(mode(None, Some("false")), Some(Update));
        assert_eq!(mode(None, Some("true")), Some(Check));
        assert_eq!(mode(None, Some("1")), Some(Check));
        assert_eq!(mode(Some("check"), None), Some(Check));
        assert_eq!(mode(Some("update"), Some("1")), Some(Update));
        assert_eq!(mode(Some("seal"), None), Some(Seal));
        assert_eq!(mode(Some("seal"), Some("1")), Some(Seal));
        assert_eq!(mode(Some("seel"), None), None);
    }
}
