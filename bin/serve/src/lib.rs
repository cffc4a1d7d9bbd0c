//! `oci-serve`: a layout as a registry.
#![forbid(unsafe_code)]

use cli::{Error, Io};
use server::{Server, Settings};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

const EXAMPLES: &str = "\
Examples:
  oci-serve                                  # at 127.0.0.1:5000, until Ctrl-C
  oci-serve -L /srv/images --address 0.0.0.0
  oci-serve --port 0 > address & sleep 1; oci-push app:1 --to \"$(cat address)/app:1\"";

/// Serve a layout as a registry
///
/// Speaks the OCI distribution protocol over HTTP: docker, podman, skopeo and every other client pull from the layout and
/// push into it, while other tools work on it. All that it knows lies in the layout, so a restart loses nothing, not even
/// an upload that has begun.
///
/// /v2/base and /v2/library/base are docker.io/library/base, /v2/team/app is docker.io/team/app, /v2/quay.io/a/b is
/// quay.io/a/b. An image whose host has a port answers at its path without the host, if nothing else does.
///
/// Prints one line, the HOST:PORT that it listens on. SIGINT, SIGTERM and SIGHUP let requests in flight end, for
/// ten seconds. With -v, each request is a line on standard error.
///
/// There is no encryption and no password: whoever reaches the address may read, write and delete.
#[derive(clap::Parser)]
#[command(name = "oci-serve", after_long_help = EXAMPLES)]
struct Args {
    /// The address to listen on
    #[arg(long, value_name = "IP", default_value = "127.0.0.1")]
    address: IpAddr,
    /// The port to listen on; 0 takes a free one
    #[arg(long, value_name = "PORT", default_value_t = 5000)]
    port: u16,
    #[command(flatten)]
    layout: cli::LayoutOption,
    #[command(flatten)]
    _talk: cli::TalkOptions,
}

cli::tool!(Args, run);

fn run(args: Args, io: &mut Io) -> Result<(), Error> {
    let place = args.layout.for_writing(io, false)?;
    let mut settings = Settings::new(SocketAddr::new(args.address, args.port));
    let messages = io.messages().clone();
    let errors = messages.clone();
    settings.errors = Some(Arc::new(move |line| errors.warn(line)));
    settings.log = Some(Arc::new(move |line| messages.note(line)));
    let server = Server::bind(place.layout().clone(), settings)?;
    io.output().record(server.address().to_string().as_bytes())?;
    let interrupt = io.interrupt().clone();
    Ok(server.run(&move || interrupt.check().is_err())?)
}
