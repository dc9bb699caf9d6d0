//! Asking before something is written.

use crate::{error::Error, output::Notes};
use std::io::{self, BufRead, IsTerminal};

/// Goes on if the user has said `-y`, or says yes now. A program, or a person whose input is redirected, has to say so
/// beforehand.
pub(crate) fn ask(
    is_given: bool,
    what: &str,
    notes: &Notes<'_>,
    is_person: bool,
) -> Result<(), Error> {
    if is_given {
        return Ok(());
    }
    let input = io::stdin();
    if !is_person || !input.is_terminal() {
        return Err(Error::Usage(format!("{what}. Add -y to do that")));
    }
    notes.say(&format!("{what}. Go on? [y/N]"))?;
    let mut answer = String::new();
    input.lock().read_line(&mut answer)?;
    match answer.trim() {
        "y" | "Y" | "yes" => Ok(()),
        _ => Err(Error::Usage("nothing was done".to_owned())),
    }
}
