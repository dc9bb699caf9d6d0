//! What the verbs that repair ask for.

use crate::error::Error;
use std::env;

/// What somebody who operates a store asks for.
#[derive(Clone, Debug)]
pub(crate) enum Operation<'a> {
    RetryParked(&'a RetryParked),
    DiscardParked(&'a DiscardParked),
    Rebuild(&'a Rebuild),
    RetrySagas(&'a RetrySagas),
    RepairSaga(&'a Instance, Repair<'a>),
    RetryInput(&'a Input),
    SkipInput(&'a Input),
    RebuildRows(&'a RebuildRows),
}

/// What is done to an instance of a saga or a process manager.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Repair<'a> {
    Skip(&'a str),
    Complete(&'a str, &'a str),
    Unwind,
    Abandon,
    TakeOver,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Confirm {
    /// Does not ask
    #[arg(long, short = 'y')]
    yes: bool,
}

/// Who does it and why. Both are stored with it.
#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Reason {
    /// Why; it is stored
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    /// Who; it is stored. The name of the user by default
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    confirm: Confirm,
}

/// What somebody has said yes to elsewhere, such as in the explorer.
#[cfg(feature = "explore")]
impl Confirm {
    pub(crate) const GIVEN: Self = Self { yes: true };
}

#[cfg(feature = "explore")]
impl Reason {
    pub(crate) fn given(by: &str, why: &str) -> Self {
        Self {
            why: why.to_owned(),
            by: Some(by.to_owned()),
            confirm: Confirm::GIVEN,
        }
    }
}

impl Reason {
    pub(crate) fn by(&self) -> Result<String, Error> {
        self.by.clone().or_else(user).ok_or_else(|| {
            Error::Usage(
                "who does this is stored, and the system has no name for the user of this program: say --by NAME. Nothing was \
                 done"
                    .to_owned(),
            )
        })
    }
}

/// The name of the user. In a container and under cron no variable has it.
pub(crate) fn user() -> Option<String> {
    let names = ["USER", "LOGNAME", "USERNAME"].iter();
    let mut names = names.filter_map(|name| env::var(name).ok());
    names.find(|name| !name.is_empty()).or_else(name_of_owner)
}

/// The name of whom this process belongs to.
#[cfg(unix)]
fn name_of_owner() -> Option<String> {
    use std::{fs, os::unix::fs::MetadataExt};
    let id = fs::metadata("/proc/self").ok()?.uid().to_string();
    let users = fs::read_to_string("/etc/passwd").ok()?;
    // name:password:id:..
    let user = users.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == id).then_some(name)
    });
    user.filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(not(unix))]
fn name_of_owner() -> Option<String> {
    None
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RetryParked {
    /// The projection or subscription
    pub(crate) reader: String,
    /// The keys, as `parked list` shows them
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) keys: Vec<String>,
    /// All keys
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct DiscardParked {
    /// The projection or subscription
    pub(crate) reader: String,
    /// The key, whose first parked event is given up
    pub(crate) key: String,
    /// Only if its first parked event is the one at this position. By default it is the one that is the first now
    #[arg(long, value_name = "POSITION")]
    pub(crate) position: Option<String>,
    /// Why; it is stored
    #[arg(long, value_name = "TEXT")]
    pub(crate) why: String,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Rebuild {
    /// The projection
    pub(crate) name: String,
    /// Builds it here, where no running application does
    #[arg(long)]
    pub(crate) now: bool,
    #[command(flatten)]
    pub(crate) confirm: Confirm,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RetrySagas {
    /// The saga or process manager
    pub(crate) name: String,
    /// The ids of the instances
    #[arg(required_unless_present = "all", conflicts_with = "all")]
    pub(crate) ids: Vec<String>,
    /// All that are parked
    #[arg(long)]
    pub(crate) all: bool,
    #[command(flatten)]
    pub(crate) reason: Reason,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Instance {
    /// The saga or process manager
    pub(crate) name: String,
    /// The id of the instance
    pub(crate) id: String,
    #[command(flatten)]
    pub(crate) reason: Reason,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Skip {
    #[command(flatten)]
    pub(crate) instance: Instance,
    /// The step, or the input at which a process manager is parked
    #[arg(long, value_name = "NAME")]
    pub(crate) step: String,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Complete {
    #[command(flatten)]
    pub(crate) instance: Instance,
    /// The step
    #[arg(long, value_name = "NAME")]
    pub(crate) step: String,
    /// Its output, as JSON
    #[arg(long, value_name = "JSON")]
    pub(crate) value: String,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct Input {
    /// The saga or process manager
    pub(crate) name: String,
    /// The position of the event
    pub(crate) position: String,
    #[command(flatten)]
    pub(crate) reason: Reason,
}

#[derive(clap::Args, Clone, Debug)]
pub(crate) struct RebuildRows {
    #[command(flatten)]
    pub(crate) confirm: Confirm,
}

impl Operation<'_> {
    pub(super) fn is_confirmed(&self) -> bool {
        let confirm = match self {
            Self::RetryParked(args) => &args.confirm,
            Self::DiscardParked(args) => &args.confirm,
            Self::Rebuild(args) => &args.confirm,
            Self::RebuildRows(args) => &args.confirm,
            Self::RetrySagas(args) => &args.reason.confirm,
            Self::RepairSaga(args, _) => &args.reason.confirm,
            Self::RetryInput(args) | Self::SkipInput(args) => &args.reason.confirm,
        };
        confirm.yes
    }

    /// Who does it and why, where that is stored.
    pub(super) fn reason(&self) -> Option<&Reason> {
        match self {
            Self::RetryParked(_)
            | Self::DiscardParked(_)
            | Self::Rebuild(_)
            | Self::RebuildRows(_) => None,
            Self::RetrySagas(args) => Some(&args.reason),
            Self::RepairSaga(args, _) => Some(&args.reason),
            Self::RetryInput(args) | Self::SkipInput(args) => Some(&args.reason),
        }
    }

    /// What it does, for the question.
    pub(super) fn what(&self) -> String {
        let some = |things: &[String], of: &str| match things {
            [] => format!("all that are parked of {of}"),
            things => format!("{} of {of}", things.join(", ")),
        };
        match self {
            Self::RetryParked(args) => {
                let parked = some(&args.keys, &args.reader);
                format!("This retries the parked events of {parked}")
            }
            Self::DiscardParked(DiscardParked {
                reader,
                key,
                position,
                ..
            }) => match position {
                Some(position) => format!(
                    "This gives up the event at position {position}, the first parked one of {key} of {reader}"
                ),
                None => format!("This gives up the first parked event of {key} of {reader}"),
            },
            Self::Rebuild(args) => format!("This builds the tables of {} anew", args.name),
            Self::RebuildRows(_) => "This makes the work items of all sagas anew".to_owned(),
            Self::RetrySagas(args) => format!("This retries {}", some(&args.ids, &args.name)),
            Self::RepairSaga(Instance { name, id, .. }, repair) => match repair {
                Repair::Skip(step) => format!("This skips {step} of {name}/{id}"),
                Repair::Complete(step, _) => format!("This counts {step} of {name}/{id} as done"),
                Repair::Unwind => format!("This undoes everything of {name}/{id}"),
                Repair::Abandon => format!("This ends {name}/{id} as it is"),
                Repair::TakeOver => format!("This ends the lease of the worker of {name}/{id}"),
            },
            Self::RetryInput(Input { name, position, .. }) => {
                format!("This lets {name} take the event at position {position}")
            }
            Self::SkipInput(Input { name, position, .. }) => {
                format!("This lets {name} skip the event at position {position}")
            }
        }
    }
}
