//! Names of one site: functions and events that got another name, so that programs for the old and the new one are variants.

use crate::knowledge::renames;

/// Events that do the work of functions which newer kernels inline.
const EVENTS: &[(&str, &str)] =
    &[("block_io_start", "__blk_account_io_start"), ("block_io_done", "__blk_account_io_done")];

/// The name that stands for all names of this function, and how old this one is among them: 0 for the newest.
pub fn of_function(name: &str) -> (String, usize) {
    let (newest, age) = renames::newest(name);
    // Where there is an event, that is newer than any function.
    (newest.to_owned(), age + usize::from(EVENTS.iter().any(|(_, function)| *function == newest)))
}

pub fn of_event(name: &str) -> (String, usize) {
    let event = || (format!("event {name}"), 0);
    EVENTS.iter().find(|(one, _)| *one == name).map_or_else(event, |(_, function)| ((*function).to_owned(), 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_name_stands_for_all() {
        assert_eq!(of_function("_do_fork"), ("kernel_clone".into(), 1));
        assert_eq!(of_function("vfs_read").0, of_function("__vfs_read").0);
        assert!(of_function("__kmalloc_noprof").1 < of_function("__kmalloc").1);
        assert_eq!(of_event("block_io_start").0, of_function("blk_account_io_start").0);
        assert!(of_event("block_io_start").1 < of_function("__blk_account_io_start").1);
        assert_eq!(of_event("sched_switch"), ("event sched_switch".into(), 0));
    }
}
