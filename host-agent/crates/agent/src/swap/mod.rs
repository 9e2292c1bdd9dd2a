//! What becomes of an object's maps and links when a new version of it takes its place.

pub mod layout;
pub mod links;
pub mod maps;
