//! Kernel functions and events that got another name, newest first. On kernels that have two of one row, the older calls the
//! newer, so a program on each would see everything twice.

const ROWS: &[&[&str]] = &[
    &["event block_io_start", "__blk_account_io_start", "blk_account_io_start"],
    &["event block_io_done", "__blk_account_io_done", "blk_account_io_done"],
    &["folio_mark_accessed", "mark_page_accessed"],
    &["filemap_add_folio", "add_to_page_cache_lru"],
    &["filemap_alloc_folio_noprof", "filemap_alloc_folio", "__page_cache_alloc"],
    &["folio_account_dirtied", "account_page_dirtied"],
    &["event writeback_dirty_folio", "event writeback_dirty_page"],
    &["migrate_misplaced_folio", "migrate_misplaced_page"],
    &["do_page_cache_ra", "__do_page_cache_readahead"],
    &["kernel_clone", "_do_fork", "do_fork"],
    &["do_sys_openat2", "do_sys_open"],
    &["do_execveat_common", "__do_execve_file"],
    &["event kfree_skb", "kfree_skb_reason", "kfree_skb"],
    &["__kmalloc_cache_noprof", "kmalloc_trace", "kmem_cache_alloc_trace"],
    &["filename_unlinkat", "do_unlinkat"],
];

/// Since 6.10 allocation functions carry this suffix and the plain names are macros.
const UNPROFILED: &str = "_noprof";

/// The newest name of what `name` is, or itself.
pub fn newest(name: &str) -> String {
    match row(name) {
        Some(row) => row[0].to_owned(),
        None => name.strip_suffix(UNPROFILED).unwrap_or(name).to_owned(),
    }
}

/// Place of the name in its row: 0 for the newest.
pub fn age(name: &str) -> usize {
    match row(name) {
        Some(row) => row.iter().position(|one| *one == name).unwrap_or(0),
        None => usize::from(!name.ends_with(UNPROFILED)),
    }
}

/// Other names under which a kernel may have it, newest first.
pub fn others(name: &str) -> Vec<String> {
    match row(name) {
        Some(row) => row.iter().filter(|one| **one != name).map(|one| (*one).to_owned()).collect(),
        None if name.ends_with(UNPROFILED) => vec![name.trim_end_matches(UNPROFILED).to_owned()],
        None => vec![format!("{name}{UNPROFILED}")],
    }
}

fn row(name: &str) -> Option<&'static [&'static str]> {
    ROWS.iter().find(|row| row.contains(&name)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_name_is_in_one_row_only() {
        let mut names: Vec<&str> = ROWS.iter().copied().flatten().copied().collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn the_newest_name_stands_for_all() {
        assert_eq!(newest("_do_fork"), "kernel_clone");
        assert_eq!(newest("vfs_read"), "vfs_read");
        assert_eq!((age("kernel_clone"), age("do_fork")), (0, 2));
        assert!(age("__kmalloc_noprof") < age("__kmalloc"));
        assert_eq!(others("kernel_clone"), ["_do_fork", "do_fork"]);
    }
}
