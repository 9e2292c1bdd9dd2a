//! The agent as a child process on this kernel. One binary for all of it: each would be linked, and compile the client of
//! the tests, anew.

mod allowed;
mod attach;
mod audit;
mod confine;
mod corpus;
mod ends;
mod guards;
mod hostile;
mod kept;
mod kill;
mod leaks;
mod limits;
mod loading;
mod maps;
mod objects;
mod others;
mod privileges;
mod runs;
mod says;
mod semantics;
mod streams;
mod support;
mod swap;
mod symbols;
