//! The protocol between engine and agent: messages generated from `proto/agent.proto`, and the frames that carry them.
#![forbid(unsafe_code)]

pub mod framing;

/// Messages, exactly as in the schema.
pub mod messages {
    #![allow(clippy::all, missing_docs)]
    include!(concat!(env!("OUT_DIR"), "/ringside.agent.v1.rs"));
}

pub use prost::Message;

/// Both sides must agree on the major number; a higher minor one only adds.
pub const PROTOCOL_MAJOR: u32 = 1;
pub const PROTOCOL_MINOR: u32 = 0;
