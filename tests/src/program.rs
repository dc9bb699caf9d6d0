//! What the programs have in common that tests kill, stop and let go on: arguments by name, and points
//! at which they say where they are and wait.

use crate::places::say;
use std::{
    collections::{HashMap, VecDeque},
    io::{BufRead, Read},
    sync::Mutex,
};

/// The arguments, each `NAME=VALUE`.
#[derive(Clone, Debug)]
pub struct Args(HashMap<String, String>);

impl Args {
    /// Those of this process, after the name of the program in it.
    ///
    /// # Panics
    /// When one of them has no `=`.
    pub fn of_this_process() -> Self {
        let args = std::env::args().skip(2).map(|arg| {
            let (name, value) = arg.split_once('=').expect("NAME=VALUE");
            (name.to_owned(), value.to_owned())
        });
        Self(args.collect())
    }

    /// The value of one, empty when it was not given.
    pub fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", String::as_str)
    }

    /// Whether it is `yes`.
    pub fn is(&self, name: &str) -> bool {
        self.get(name) == "yes"
    }
}

/// The points at which the process waits: `at`, names in their order with `|` between them; or `number`
/// and `side`, that of one that begins with `before` or `after`.
///
/// It says `at` with the name and waits for the line `go`. It ends when the parent does.
pub struct Stops {
    side: String,
    number: usize,
    state: Mutex<(VecDeque<String>, usize)>,
}

impl Stops {
    /// Those that the arguments ask for.
    pub fn new(args: &Args) -> Self {
        let at = args.get("at").split_terminator('|').map(str::to_owned);
        let at: VecDeque<String> = at.collect();
        match args.get("number").parse() {
            Ok(number) => Self::numbered(number, args.get("side")),
            Err(_) if at.is_empty() => Self::until_the_parent_ends(),
            Err(_) => Self {
                state: Mutex::new((at, 0)),
                ..Self::none()
            },
        }
    }

    /// The one of this number, on this side.
    pub fn numbered(number: usize, side: &str) -> Self {
        Self {
            side: side.to_owned(),
            number,
            ..Self::none()
        }
    }

    /// None. No word is to come, so the end of the input is the end of the parent, and of this process.
    fn until_the_parent_ends() -> Self {
        std::thread::spawn(|| {
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
            std::process::exit(1);
        });
        Self::none()
    }

    /// None.
    pub fn none() -> Self {
        Self {
            side: String::new(),
            number: 0,
            state: Mutex::default(),
        }
    }

    /// Waits when this is one of them.
    ///
    /// # Panics
    /// When another thread panicked here.
    pub fn pass(&self, point: &str) {
        let mut state = self.state.lock().expect("not poisoned");
        let (at, passed) = &mut *state;
        *passed += usize::from(point.starts_with("before"));
        let numbered = *passed == self.number && point.starts_with(&self.side);
        let named = at.front().is_some_and(|at| at == point);
        if named {
            at.pop_front();
        }
        if named || (self.number > 0 && numbered) {
            say(&format!("at {point}"));
            let mut line = String::new();
            let answer = std::io::stdin().lock().read_line(&mut line);
            if answer.is_err() || line != "go\n" {
                std::process::exit(1);
            }
        }
    }
}
