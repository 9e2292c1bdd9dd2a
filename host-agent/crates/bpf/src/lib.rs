//! Everything in the agent that needs `unsafe`: libbpf, mapped rings, perf events and a few system calls.
//!
//! The rest of the agent is `#![forbid(unsafe_code)]`; each `unsafe` block here states why it is sound.

pub mod btf;
pub mod cpus;
pub mod descriptors;
pub mod error;
pub mod foreign;
pub mod insns;
pub mod interfaces;
pub mod inventory;
pub mod iter;
pub mod link;
pub mod log;
pub mod map;
pub mod map_setup;
pub mod netlink;
pub mod object;
pub mod os;
pub mod perf;
mod pins;
pub mod prints;
pub mod privilege;
pub mod probe;
pub mod process;
pub mod prog_stream;
pub mod program;
pub mod realtime;
pub mod reuse;
pub mod ring;
pub mod run;
pub mod sandbox;
pub mod sections;
mod sharing;
pub mod socket;
pub mod stats;
pub mod struct_ops;
pub mod tc;
pub mod token;
pub mod undo;
pub mod user_ring;

pub use error::{Error, Result};
