//! `es explore`: the explorer in a browser on this machine.

use super::{Outside, operation};
use crate::{application::Application, error::Error, explore::Untyped};
use es_explorer::{Options, Server, ServerError, Writes};
use std::{net::SocketAddr, sync::Arc};
use tokio::runtime::Builder;

#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// The address to listen on. Port 0 is any free one
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8020")]
    listen: SocketAddr,
    /// A name under which browsers may ask for it, besides localhost. An address that other machines reach needs
    /// one: the explorer has no login
    #[arg(long = "host", value_name = "NAME")]
    hosts: Vec<String>,
    /// With the verbs that discard and repair, on this machine alone. Some need the program of the application, as on the command
    /// line
    #[arg(long)]
    write: bool,
}

pub(crate) fn run(
    args: &Args,
    application: Option<&dyn Application>,
    outside: Outside<'_>,
) -> Result<(), Error> {
    let (place, out) = (outside.place?, outside.printer.out);
    let application: Arc<dyn es_explorer::Application> = match application {
        Some(application) => application.explorer(),
        None => Arc::new(Untyped),
    };
    let mut options = Options::new().application(application);
    if args.write {
        let user = operation::user().ok_or_else(|| {
            Error::Usage(
                "who repairs something is stored, and the system has no name for the user of this program: set USER to it"
                    .to_owned(),
            )
        })?;
        options = options.writes(Writes::Allowed).operator(user);
    }
    let server = Server::bind_with(&place, args.listen, &args.hosts, options).map_err(refused)?;
    let may = if args.write {
        ", where whoever uses it may repair,"
    } else {
        ""
    };
    writeln!(
        out,
        "The explorer is at http://{}/{may} until this is interrupted.",
        server.address()
    )?;
    out.flush()?;
    let runtime = Builder::new_current_thread().enable_io().build()?;
    runtime
        .block_on(server.run(std::future::pending()))
        .map_err(refused)
}

fn refused(error: ServerError) -> Error {
    match error {
        ServerError::Store(error) => error.into(),
        ServerError::Stopped(error) => Error::Output(error),
        error => Error::Usage(error.to_string()),
    }
}
