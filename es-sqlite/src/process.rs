//! Which process has a lease, so that the leases of a process that died on this machine end at once.
//!
//! The database is a file, so usually all of its processes run on one machine. A process is named by the boot of
//! the machine, the namespace of process ids, its id, and when it started. Whoever has the same boot and the
//! same namespace can tell whether it is there. An id that is used again has another start. Other machines,
//! other containers and systems without `/proc` cannot tell, and wait for the end of the lease.

use std::{fs, sync::OnceLock};

/// The name of an owner of leases, with its process where that is known.
#[cfg(feature = "projections")]
pub(crate) fn owner(name: &str) -> String {
    match this_process() {
        Some(process) => format!("{name} [{process}]"),
        None => name.to_owned(),
    }
}

/// Whether the process of this owner is certainly gone.
#[cfg(feature = "projections")]
pub(crate) fn is_owner_gone(owner: &str) -> bool {
    let process = owner
        .strip_suffix(']')
        .and_then(|owner| owner.rsplit_once('['));
    process.is_some_and(|(_, process)| is_gone(process))
}

/// Whether this process is certainly gone.
pub(crate) fn is_gone(process: &str) -> bool {
    let (Some((place, process)), Some((here, _))) = (
        process.rsplit_once(' '),
        this_process().and_then(|here| here.rsplit_once(' ')),
    ) else {
        return false;
    };
    match process.split_once('@') {
        Some((id, start)) if place == here => match start_of(id) {
            Ok(now) => now != start,
            // Only a missing process counts. Nothing follows from a file that cannot be read.
            Err(error) => error.kind() == std::io::ErrorKind::NotFound,
        },
        _ => false,
    }
}

/// `<boot> <namespace> <id>@<start>`, `None` where the system does not say.
pub(crate) fn this_process() -> Option<&'static str> {
    static PROCESS: OnceLock<Option<String>> = OnceLock::new();
    let known = PROCESS.get_or_init(|| {
        let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
        let namespace = fs::read_link("/proc/self/ns/pid").ok()?;
        let id = std::process::id().to_string();
        let start = start_of(&id).ok()?;
        let namespace = namespace.to_str()?.replace(['[', ']'], "");
        Some(format!("{} {namespace} {id}@{start}", boot.trim()))
    });
    known.as_deref()
}

/// When a process started, in clock ticks since the boot; an empty text for one that has ended and is only
/// still listed.
fn start_of(id: &str) -> std::io::Result<String> {
    let line = fs::read_to_string(format!("/proc/{id}/stat"))?;
    // The name of the program comes before these and may contain anything.
    let rest = line.rsplit_once(')').map_or("", |(_, rest)| rest);
    let mut fields = rest.split_whitespace();
    let ended = matches!(fields.next(), Some("Z" | "X" | "x"));
    let start = fields.nth(18).unwrap_or_default();
    Ok(if ended {
        String::new()
    } else {
        start.to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn a_process_that_ended_is_gone_and_no_other_one() {
        let Some(here) = this_process() else { return };
        let (place, _) = here.rsplit_once(' ').expect("two parts");
        assert!(!is_gone(here));
        let mut child = Command::new("sleep").arg("60").spawn().expect("starts");
        let id = child.id().to_string();
        let of_child = format!("{place} {id}@{}", start_of(&id).expect("it runs"));
        assert!(!is_gone(&of_child), "{of_child}");
        // Its id is used again.
        assert!(is_gone(&format!("{place} {id}@1")));
        child.kill().expect("killed");
        // Ended, and its parent has not looked yet.
        while fs::read_to_string(format!("/proc/{id}/stat")).is_ok_and(|stat| !stat.contains(") Z"))
        {
            std::thread::yield_now();
        }
        assert!(is_gone(&of_child), "{of_child}");
        child.wait().expect("waited");
        assert!(is_gone(&of_child), "{of_child}");
        // Of another machine, of another container, or without a process.
        assert!(!is_gone(&format!("other pid:1 {id}@1")));
        assert!(!is_gone("process 1"));
        assert!(!is_gone(""));
    }
}
