//! The three processes. One that is killed is started again, and does the same work again.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, Command, Stdio},
    sync::mpsc::{Receiver, Sender, channel},
    time::Duration,
};

/// The first task of each process, and how many it has: 32 together.
const TASKS: [(u64, u64); 3] = [(0, 11), (11, 11), (22, 10)];

/// Longer than any of them works.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

struct Worker {
    child: Child,
    input: ChildStdin,
    /// Which start of this process it is. It tells what an earlier one says late from what this one says.
    life: usize,
}

pub(super) struct Workers {
    faults: String,
    all: Vec<Worker>,
    says: Receiver<(usize, usize, String)>,
    to: Sender<(usize, usize, String)>,
    lives: usize,
}

impl Workers {
    pub(super) fn start(faults: &str) -> Self {
        let (to, says) = channel();
        let mut workers = Self {
            faults: faults.to_owned(),
            all: Vec::new(),
            says,
            to,
            lives: 0,
        };
        for number in 0..TASKS.len() {
            let worker = workers.spawn(number);
            workers.all.push(worker);
        }
        workers
    }

    fn spawn(&mut self, number: usize) -> Worker {
        let (first, tasks) = TASKS[number];
        let mut child = Command::new(env!("CARGO_BIN_EXE_programs"))
            .args(["campus_worker", &first.to_string(), &tasks.to_string()])
            .arg(&self.faults)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the worker starts");
        let input = child.stdin.take().expect("its input");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        self.lives += 1;
        let (life, to) = (self.lives, self.to.clone());
        // It ends with the process.
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                if to.send((number, life, line)).is_err() {
                    return;
                }
            }
            let _ = to.send((number, life, "ended".to_owned()));
        });
        Worker { child, input, life }
    }

    fn tell(&mut self, number: usize, what: &str) {
        let worker = &mut self.all[number];
        writeln!(worker.input, "{what}").expect("it listens");
    }

    /// Lets all of them work, and kills one after some operations, so many times. The names of what was accepted.
    pub(super) fn work(&mut self, store: &str, seed: u64, kills: usize) -> Vec<String> {
        let what = format!("{seed} {store}");
        for number in 0..self.all.len() {
            self.tell(number, &what);
        }
        let mut kills = vec![(); kills];
        let mut until_kill = fastrand::u64(..40);
        let (mut accepted, mut is_done) = (Vec::new(), [false; TASKS.len()]);
        while is_done.contains(&false) {
            let said = self.says.recv_timeout(PATIENCE);
            let (number, life, line) = said.expect("one of them says something");
            let is_alive = self.all[number].life == life;
            match line.as_str() {
                "done" => is_done[number] |= is_alive,
                "ended" => assert!(!is_alive, "worker {number} failed"),
                name => accepted.push(name.to_owned()),
            }
            until_kill = until_kill.saturating_sub(1);
            if until_kill == 0 && kills.pop().is_some() {
                let victim = fastrand::usize(..TASKS.len());
                let new = self.spawn(victim);
                kill(std::mem::replace(&mut self.all[victim], new));
                self.tell(victim, &what);
                is_done[victim] = false;
                until_kill = fastrand::u64(..40);
            }
        }
        accepted
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.all.drain(..).for_each(kill);
    }
}

fn kill(mut worker: Worker) {
    worker.child.kill().expect("killed");
    worker.child.wait().expect("ended");
}
