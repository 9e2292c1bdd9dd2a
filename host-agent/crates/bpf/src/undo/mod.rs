//! What the kernel keeps when the process that asked for it is gone, and how it is taken back then.
//!
//! Almost every attachment is a descriptor, which ends with its process. For the few kinds that are not, an entry is written
//! to a journal *before* the kernel is asked, and crossed out once it has been taken back. Whoever finds the journal of a
//! dead process takes back what is not crossed out. Entries name things by what outlives descriptors (ids with tags,
//! inodes), and nothing is touched that is not exactly what the entry names: others may have taken its place.
//!
//! The file lies in a folder of its process, on a file system in memory where there is one: it has to outlive processes, not
//! the machine, whose end takes with it all that it is about.

mod journal;
mod kept;
mod replay;

pub use journal::{Receipt, announce, folder_name, keep_in, places};
pub use kept::{Identity, Kept, SocketOf};
pub(crate) use replay::unpin;
pub use replay::{Report, is_supervised, orphans, replay};
