//! The programs that tests start, kill and measure, in one binary, so that one is linked:
//! `programs NAME ARGUMENTS..`. Each module is one of them and says what it takes.

mod board;
mod campus_worker;
mod chaos;
mod club_worker;
mod conformance;
mod crash_writer;
mod deploy_bridge;
mod deploy_new;
mod deploy_old;
mod es;
mod hall_filler;
#[cfg(unix)]
mod nats_chaos;
#[cfg(unix)]
mod nats_cluster;
mod power_writer;
mod process_worker;
mod projector;
mod replay;
mod runs;
mod saga_worker;
mod transfer_worker;

use std::process::{ExitCode, Termination};

fn main() -> ExitCode {
    let name = std::env::args().nth(1).unwrap_or_default();
    match name.as_str() {
        "board" => {
            board::main();
            ().report()
        }
        "campus_worker" => {
            campus_worker::main();
            ().report()
        }
        "chaos" => chaos::main().report(),
        "club_worker" => {
            club_worker::main();
            ().report()
        }
        "conformance" => {
            conformance::main();
            ().report()
        }
        "crash_writer" => crash_writer::main().report(),
        "deploy_bridge" => deploy_bridge::main().report(),
        "deploy_new" => deploy_new::main().report(),
        "deploy_old" => deploy_old::main().report(),
        "es" => es::main(),
        "hall_filler" => {
            hall_filler::main();
            ().report()
        }
        #[cfg(unix)]
        "nats_chaos" => nats_chaos::main().report(),
        #[cfg(unix)]
        "nats_cluster" => nats_cluster::main().report(),
        "power_writer" => power_writer::main().report(),
        "process_worker" => {
            process_worker::main();
            ().report()
        }
        "projector" => projector::main().report(),
        "replay" => replay::main().report(),
        "saga_worker" => {
            saga_worker::main();
            ().report()
        }
        "transfer_worker" => {
            transfer_worker::main();
            ().report()
        }
        _ => {
            eprintln!(
                "which program? `conformance`, `chaos` and `nats_chaos` are for people; tests start the others"
            );
            ExitCode::FAILURE
        }
    }
}
