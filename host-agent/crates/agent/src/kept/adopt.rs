//! `ringside-agent --adopt RUN`: hands its own standard input and output to the worker that keeps the run, and stays until
//! that is done with them.

use std::io::{self, Read};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::process::ExitCode;

use ringside_bpf::{descriptors, os};

use super::record;
use crate::audit::Who;

/// The argument that makes the agent such a process.
pub const ADOPT: &str = "--adopt";

/// Exit code when there is no such run (any more).
const NOT_KEPT: u8 = 3;

pub fn main(run: Option<&str>) -> ExitCode {
    let Some(about) = run.and_then(record::find) else {
        eprintln!("ringside-agent: no run {} is kept here", run.unwrap_or("?"));
        return ExitCode::from(NOT_KEPT);
    };
    match hand_over(&about.run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("ringside-agent: run {} cannot be taken over: {error}", about.run);
            ExitCode::FAILURE
        }
    }
}

fn hand_over(run: &str) -> io::Result<()> {
    let mut socket = UnixStream::connect(record::folder(run).join("socket"))?;
    let files = [os::take_stdio(0), os::take_stdio(1)];
    descriptors::send(socket.as_fd(), files.each_ref().map(AsFd::as_fd))?;
    // The worker has its own by now: what this process kept open would hide the client's end from it.
    drop(files);
    // One of an older version does not listen.
    let _ = Who::send(&mut socket);
    // Until the worker closes its end.
    socket.read_to_end(&mut Vec::new()).map(|_| ())
}
