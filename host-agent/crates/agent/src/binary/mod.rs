//! Binaries and libraries of this host: which file, its functions, its USDT probes. The files are other people's: every
//! number in them is checked.

mod bytes;
pub mod elf;
pub mod places;
pub mod symbols;
pub mod usdt;
