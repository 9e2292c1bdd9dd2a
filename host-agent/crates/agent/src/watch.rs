//! Maps that the client watches: what they held at the last look.

#[derive(Default)]
pub struct Watches {}
