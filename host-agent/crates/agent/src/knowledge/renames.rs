//! Functions and events that bear another name on other kernels. The tables were compared with the symbols, types and
//! events of Debian's 5.10, 6.1, 6.12 and 7.3.

/// Names of one and the same thing over the years, newest first. Those with the same number have the same arguments; with
/// another a program that reads arguments has to be changed.
type Group = &'static [(&'static str, u8)];

/// The same for functions; behind the number stands how many arguments all kernels that have the name give it. Under a name
/// with fewer of them a program may read what is not there.
type Functions = &'static [(&'static str, u8, u8)];

/// On kernels that have several names of a group the older ones call the newer.
#[rustfmt::skip]
const FUNCTIONS: &[Functions] = &[
    // Block layer: the plain names were inline wrappers from 5.16 on, and again functions of their own later.
    &[("__blk_account_io_start", 0, 1), ("blk_account_io_start", 0, 1)],
    &[("__blk_account_io_done", 0, 2), ("blk_account_io_done", 0, 2)],
    &[("blk_mq_start_request", 0, 1), ("blk_start_request", 0, 1)],
    // Files. Up to 5.14 the do_* took text of user space where they and the filename_* now take struct filename.
    &[("do_sys_openat2", 0, 3), ("do_sys_open", 1, 4)],
    &[("vfs_read", 0, 4), ("__vfs_read", 0, 4)],
    &[("vfs_write", 0, 4), ("__vfs_write", 0, 4)],
    &[("iterate_dir", 0, 2), ("vfs_readdir", 1, 3)],
    &[("filename_unlinkat", 0, 2), ("do_unlinkat", 0, 2)],
    &[("filename_rmdir", 0, 2), ("do_rmdir", 0, 2)],
    &[("filename_mkdirat", 0, 3), ("do_mkdirat", 1, 3)],
    &[("filename_mknodat", 0, 4), ("do_mknodat", 1, 4)],
    &[("filename_symlinkat", 0, 3), ("do_symlinkat", 1, 3)],
    &[("filename_linkat", 0, 5), ("do_linkat", 1, 5)],
    &[("filename_renameat2", 0, 5), ("do_renameat2", 0, 5)],
    &[("do_file_open", 0, 3), ("do_filp_open", 0, 3)],
    &[("filemap_read", 0, 3), ("generic_file_buffered_read", 0, 3), ("do_generic_file_read", 1, 4)],
    &[("filemap_splice_read", 0, 5), ("generic_file_splice_read", 0, 5)],
    &[("path_mount", 0, 5), ("do_mount", 1, 5)],
    &[("path_umount", 0, 2), ("ksys_umount", 1, 2), ("do_umount", 2, 2)],
    &[("vfs_coredump", 0, 1), ("do_coredump", 0, 1)],
    // Page cache: struct page became struct folio from 5.16 on.
    &[("folio_mark_accessed", 0, 1), ("mark_page_accessed", 1, 1)],
    &[("folio_account_dirtied", 0, 2), ("account_page_dirtied", 1, 2)],
    &[("folio_mark_dirty", 0, 1), ("set_page_dirty", 1, 1)],
    &[("filemap_add_folio", 0, 4), ("add_to_page_cache_lru", 1, 4)],
    &[("filemap_remove_folio", 0, 1), ("delete_from_page_cache", 1, 1)],
    &[("folio_add_lru", 0, 1), ("lru_cache_add", 1, 1)],
    &[("folio_unlock", 0, 1), ("unlock_page", 1, 1)],
    &[("__folio_lock", 0, 1), ("__lock_page", 1, 1)],
    &[("folio_wait_bit", 0, 2), ("wait_on_page_bit", 1, 2)],
    &[("folio_end_writeback", 0, 1), ("end_page_writeback", 1, 1)],
    &[("__folio_put", 0, 1), ("__put_page", 1, 1)],
    &[("filemap_alloc_folio_noprof", 0, 2), ("filemap_alloc_folio", 0, 2), ("__page_cache_alloc", 1, 1)],
    &[("do_page_cache_ra", 0, 3), ("__do_page_cache_readahead", 1, 5)],
    &[("swap_read_folio", 0, 1), ("swap_readpage", 1, 2)],
    // Memory
    &[("__alloc_frozen_pages_noprof", 0, 4), ("__alloc_pages_noprof", 0, 4), ("__alloc_pages", 0, 4), ("__alloc_pages_nodemask", 0, 4)],
    &[("free_frozen_pages", 0, 2), ("free_unref_page", 0, 1)],
    &[("get_free_pages_noprof", 0, 2), ("__get_free_pages", 0, 2)],
    &[("__kvmalloc_node_noprof", 0, 2), ("kvmalloc_node_noprof", 1, 3), ("kvmalloc_node", 1, 3)],
    &[("try_charge_memcg", 0, 3), ("try_charge", 0, 3)],
    &[("__mem_cgroup_charge", 0, 3), ("mem_cgroup_charge", 1, 3)],
    &[("do_mmap", 0, 5), ("do_mmap_pgoff", 0, 5)],
    &[("do_vmi_munmap", 0, 6), ("__do_munmap", 1, 5), ("do_munmap", 1, 4)],
    &[("zap_vma_range", 0, 3), ("zap_page_range_single", 0, 3)],
    &[("exc_page_fault", 0, 2), ("do_page_fault", 0, 2)],
    &[("do_user_addr_fault", 0, 3), ("__do_page_fault", 0, 3)],
    // Processes and scheduling
    &[("kernel_clone", 0, 1), ("_do_fork", 0, 1), ("do_fork", 1, 5)],
    &[("do_execveat_common", 0, 5), ("__do_execve_file", 1, 6), ("do_execve", 2, 3)],
    &[("sched_tick", 0, 0), ("scheduler_tick", 0, 0)],
    &[("send_signal_locked", 0, 4), ("send_signal", 0, 4)],
    &[("__send_signal_locked", 0, 5), ("__send_signal", 0, 5)],
    &[("kthread_complete_and_exit", 0, 2), ("complete_and_exit", 0, 2)],
    &[("__set_task_comm", 0, 3), ("set_task_comm", 0, 2)],
    // Interrupts, timers, locks
    &[("handle_softirqs", 0, 1), ("__do_softirq", 0, 0)],
    &[("common_interrupt", 0, 1), ("do_IRQ", 0, 1)],
    &[("sysvec_apic_timer_interrupt", 0, 1), ("__sysvec_apic_timer_interrupt", 0, 1), ("smp_apic_timer_interrupt", 0, 1)],
    &[("__handle_irq_event_percpu", 0, 1), ("handle_irq_event_percpu", 0, 1)],
    &[("__flush_smp_call_function_queue", 0, 1), ("flush_smp_call_function_queue", 0, 0)],
    &[("timer_delete", 0, 1), ("del_timer", 0, 1)],
    &[("timer_delete_sync", 0, 1), ("del_timer_sync", 0, 1)],
    &[("timer_delete_sync_try", 0, 1), ("try_to_del_timer_sync", 0, 1)],
    &[("hrtimer_setup", 0, 4), ("hrtimer_init", 1, 3)],
    &[("native_queued_spin_lock_slowpath", 0, 2), ("queued_spin_lock_slowpath", 0, 2)],
    &[("rwsem_down_read_slowpath", 0, 1), ("rwsem_down_read_failed", 0, 1)],
    &[("rwsem_down_write_slowpath", 0, 2), ("rwsem_down_write_failed", 0, 1)],
    // Network
    &[("sk_skb_reason_drop", 1, 3), ("kfree_skb_reason", 0, 2), ("kfree_skb", 0, 1)],
    &[("__dev_queue_xmit", 0, 2), ("dev_queue_xmit", 0, 1)],
    &[("gro_receive_skb", 0, 2), ("napi_gro_receive", 1, 2)],
    &[("__sock_sendmsg", 0, 2), ("sock_sendmsg", 0, 2)],
    &[("skb_copy_datagram_iter", 0, 4), ("skb_copy_datagram_iovec", 1, 4)],
    &[("tcp_drop_reason", 0, 3), ("tcp_drop", 0, 2)],
    &[("__icmp_send", 0, 4), ("icmp_send", 0, 4)],
    // Messages
    &[("_printk", 0, 1), ("printk", 0, 1)],
    &[("vpanic", 0, 1), ("panic", 0, 1)],
];

/// Functions that another one has replaced, newest first, where some kernels have both and neither calls the other: not
/// two names of one site.
#[rustfmt::skip]
const REPLACED: &[Functions] = &[
    &[("tick_nohz_handler", 1, 1), ("tick_sched_timer", 0, 1)],
    &[("ttwu_do_activate", 0, 4), ("ttwu_do_wakeup", 0, 4)],
    &[("zap_vma_range", 0, 3), ("zap_page_range_single", 0, 3), ("zap_page_range", 0, 3)],
    &[("netif_rx", 0, 1), ("netif_rx_ni", 0, 1)],
];

#[rustfmt::skip]
const EVENTS: &[Group] = &[
    &[("sock:inet_sock_set_state", 0), ("tcp:tcp_set_state", 1)],
    &[("kmem:kmalloc", 0), ("kmem:kmalloc_node", 0)],
    &[("kmem:kmem_cache_alloc", 0), ("kmem:kmem_cache_alloc_node", 0)],
    &[("timer:hrtimer_setup", 0), ("timer:hrtimer_init", 0)],
];

/// System calls whose name in the kernel is another than in user space, and old ones that newer architectures (arm64)
/// only have in their extended form.
#[rustfmt::skip]
const SYSCALLS: &[Group] = &[
    &[("newstat", 0), ("stat", 0), ("newfstatat", 1)],
    &[("newfstat", 0), ("fstat", 0)],
    &[("newlstat", 0), ("lstat", 0), ("newfstatat", 1)],
    &[("newfstatat", 0), ("fstatat", 0), ("fstatat64", 0)],
    &[("newuname", 0), ("uname", 0)],
    &[("umount", 0), ("umount2", 0)],
    &[("sendfile64", 0), ("sendfile", 0)],
    &[("pread64", 0), ("pread", 0)],
    &[("pwrite64", 0), ("pwrite", 0)],
    &[("open", 0), ("openat", 1)],
    &[("creat", 0), ("openat", 1)],
    &[("unlink", 0), ("unlinkat", 1)],
    &[("rmdir", 0), ("unlinkat", 1)],
    &[("mkdir", 0), ("mkdirat", 1)],
    &[("rename", 0), ("renameat2", 1), ("renameat", 2)],
    &[("renameat", 0), ("renameat2", 0)],
    &[("link", 0), ("linkat", 1)],
    &[("symlink", 0), ("symlinkat", 1)],
    &[("readlink", 0), ("readlinkat", 1)],
    &[("access", 0), ("faccessat", 1)],
    &[("chmod", 0), ("fchmodat", 1)],
    &[("chown", 0), ("fchownat", 1)],
    &[("mknod", 0), ("mknodat", 1)],
    &[("fork", 0), ("clone", 1)],
    &[("vfork", 0), ("clone", 1)],
    &[("dup2", 0), ("dup3", 0)],
    &[("pipe", 0), ("pipe2", 0)],
    &[("poll", 0), ("ppoll", 1)],
    &[("select", 0), ("pselect6", 1)],
    &[("epoll_wait", 0), ("epoll_pwait", 0)],
    &[("epoll_create", 0), ("epoll_create1", 1)],
    &[("inotify_init", 0), ("inotify_init1", 1)],
    &[("eventfd", 0), ("eventfd2", 0)],
    &[("signalfd", 0), ("signalfd4", 0)],
    &[("pause", 0), ("ppoll", 1)],
    &[("time", 0), ("gettimeofday", 1)],
    &[("alarm", 0), ("setitimer", 1)],
];

/// What stands in front of a system call's name in the kernel's functions, by architecture and age.
const SYSCALL_PREFIXES: [&str; 6] = ["__x64_sys_", "__arm64_sys_", "__se_sys_", "__do_sys_", "SyS_", "sys_"];

/// Another name of the same thing that this host has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Successor {
    pub name: String,
    /// Whether a program written for the old name reads the same arguments under the new one.
    pub same_arguments: bool,
}

/// The function that has taken the place of one that this kernel lacks; the one with the same arguments first.
pub fn of_function(name: &str, exists: impl Fn(&str) -> bool) -> Option<Successor> {
    let allocator = match name.strip_suffix("_noprof") {
        Some(plain) => plain.to_owned(),
        // Allocation profiling renamed the allocators in 6.10.
        None => format!("{name}_noprof"),
    };
    among_functions(FUNCTIONS, name, &exists)
        .or_else(|| among_functions(REPLACED, name, &exists))
        .or_else(|| exists(&allocator).then_some(Successor { name: allocator, same_arguments: true }))
        .or_else(|| of_syscall_function(name, &exists))
}

/// The newest name of a function with the place of `name` among its names, 0 for the newest itself.
pub fn newest(name: &str) -> (&str, usize) {
    let in_group = FUNCTIONS.iter().find_map(|group| {
        let age = group.iter().position(|(member, ..)| *member == name)?;
        Some((group[0].0, age))
    });
    in_group.unwrap_or_else(|| match name.strip_suffix("_noprof") {
        Some(plain) => (plain, 0),
        None => (name, 1),
    })
}

/// `category:name` of the event that has taken the place of another.
pub fn of_event(name: &str, exists: impl Fn(&str) -> bool) -> Option<Successor> {
    in_groups(EVENTS, name, &exists).or_else(|| {
        ["syscalls:sys_enter_", "syscalls:sys_exit_"].iter().find_map(|prefix| {
            let call = name.strip_prefix(prefix)?;
            let found = in_groups(SYSCALLS, call, &|other| exists(&format!("{prefix}{other}")))?;
            Some(Successor { name: format!("{prefix}{}", found.name), ..found })
        })
    })
}

/// `sys_open` is `__x64_sys_open` here, or `__arm64_sys_openat`. The wrappers of all architectures but the oldest take
/// struct pt_regs, so only those among each other take the same arguments.
fn of_syscall_function(name: &str, exists: &impl Fn(&str) -> bool) -> Option<Successor> {
    let (prefix, call) = SYSCALL_PREFIXES.iter().find_map(|prefix| Some((*prefix, name.strip_prefix(prefix)?)))?;
    let wrapper = |prefix: &str| prefix == "__x64_sys_" || prefix == "__arm64_sys_";
    let with = |call: &str| {
        let found = SYSCALL_PREFIXES.iter().find(|other| exists(&format!("{other}{call}")))?;
        let same_arguments = wrapper(prefix) && wrapper(found);
        Some(Successor { name: format!("{found}{call}"), same_arguments })
    };
    let direct = (!OBSOLETE.contains(&call)).then(|| with(call)).flatten();
    direct.or_else(|| {
        let other = in_groups(SYSCALLS, call, &|other| with(other).is_some())?;
        let found = with(&other.name)?;
        Some(Successor { same_arguments: found.same_arguments && other.same_arguments, ..found })
    })
}

/// Names under which x86 keeps a form that only old 32-bit programs call; today's bears another name.
const OBSOLETE: [&str; 5] = ["stat", "fstat", "lstat", "uname", "sendfile"];

/// The other names of the groups where `name` stands; with each whether the arguments are the same.
fn in_groups(groups: &[Group], name: &str, exists: &impl Fn(&str) -> bool) -> Option<Successor> {
    let others = groups.iter().filter_map(|group| {
        let (_, own) = group.iter().find(|(member, _)| *member == name)?;
        Some(group.iter().map(move |(member, shape)| (*member, shape == own)))
    });
    first_that_exists(others.flatten(), name, exists)
}

fn among_functions(groups: &[Functions], name: &str, exists: &impl Fn(&str) -> bool) -> Option<Successor> {
    let others = groups.iter().filter_map(|group| {
        let (_, own, read) = group.iter().find(|(member, ..)| *member == name)?;
        Some(group.iter().map(move |(member, shape, given)| (*member, shape == own && given >= read)))
    });
    first_that_exists(others.flatten(), name, exists)
}

/// One with the same arguments before all others.
fn first_that_exists<'a>(
    names: impl Iterator<Item = (&'a str, bool)>,
    own: &str,
    exists: &impl Fn(&str) -> bool,
) -> Option<Successor> {
    let mut found: Vec<(&str, bool)> = names.filter(|(name, _)| *name != own && exists(name)).collect();
    found.sort_by_key(|(_, same)| !same);
    let (name, same_arguments) = found.first()?;
    Some(Successor { name: (*name).to_owned(), same_arguments: *same_arguments })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, host: &[&str]) -> Option<(String, bool)> {
        of_function(name, |other| host.contains(&other)).map(|found| (found.name, found.same_arguments))
    }

    #[test]
    fn old_names_lead_to_new_ones_and_back() {
        let new = ["__blk_account_io_start", "do_sys_openat2", "vfs_read", "kernel_clone", "sk_skb_reason_drop"];
        assert_eq!(of("blk_account_io_start", &new), Some(("__blk_account_io_start".into(), true)));
        assert_eq!(of("do_sys_open", &new), Some(("do_sys_openat2".into(), false)));
        assert_eq!(of("__vfs_read", &new), Some(("vfs_read".into(), true)));
        assert_eq!(of("kernel_clone", &["_do_fork"]), Some(("_do_fork".into(), true)));
        assert_eq!(of("kfree_skb", &new), Some(("sk_skb_reason_drop".into(), false)));
        assert_eq!(
            of("__alloc_pages_nodemask", &["__alloc_pages_noprof"]),
            Some(("__alloc_pages_noprof".into(), true))
        );
        assert_eq!(of("__kmalloc", &["__kmalloc_noprof"]), Some(("__kmalloc_noprof".into(), true)));
        assert_eq!(of("no_such_thing", &new), None);
    }

    #[test]
    fn a_name_that_gives_fewer_arguments_is_not_said_to_give_the_same() {
        // The reason is what a program for kfree_skb_reason reads.
        assert_eq!(of("kfree_skb_reason", &["kfree_skb"]), Some(("kfree_skb".into(), false)));
        assert_eq!(of("kfree_skb", &["kfree_skb_reason"]), Some(("kfree_skb_reason".into(), true)));
        assert_eq!(of("tcp_drop", &["tcp_drop_reason"]), Some(("tcp_drop_reason".into(), true)));
        assert_eq!(of("filename_mkdirat", &["do_mkdirat"]), Some(("do_mkdirat".into(), false)));
    }

    #[test]
    fn what_replaced_a_function_is_named_and_is_no_other_name_of_its_site() {
        assert_eq!(of("netif_rx_ni", &["netif_rx"]), Some(("netif_rx".into(), true)));
        assert_eq!(of("zap_page_range", &["zap_page_range_single"]), Some(("zap_page_range_single".into(), true)));
        assert_ne!(newest("netif_rx_ni").0, newest("netif_rx").0);
        assert_eq!(newest("zap_page_range_single").0, "zap_vma_range");
    }

    #[test]
    fn system_calls_have_the_prefix_of_the_architecture() {
        assert_eq!(of("sys_execve", &["__x64_sys_execve"]), Some(("__x64_sys_execve".into(), false)));
        assert_eq!(of("__x64_sys_execve", &["__arm64_sys_execve"]), Some(("__arm64_sys_execve".into(), true)));
        assert_eq!(of("__x64_sys_open", &["__arm64_sys_openat"]), Some(("__arm64_sys_openat".into(), false)));
        // x86 has both; programs of today call the new one.
        assert_eq!(of("sys_stat", &["__x64_sys_stat", "__x64_sys_newstat"]), Some(("__x64_sys_newstat".into(), false)));
        let event = |name: &str, host: &[&str]| of_event(name, |other| host.contains(&other)).map(|found| found.name);
        let stat = ["syscalls:sys_enter_newstat", "syscalls:sys_enter_newfstatat"];
        assert_eq!(event("syscalls:sys_enter_stat", &stat), Some("syscalls:sys_enter_newstat".into()));
        assert_eq!(event("syscalls:sys_enter_stat", &stat[1..]), Some("syscalls:sys_enter_newfstatat".into()));
    }

    #[test]
    fn no_name_stands_twice_in_the_table_of_functions() {
        let mut names: Vec<&str> = FUNCTIONS.iter().flat_map(|group| group.iter().map(|(name, ..)| *name)).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }
}
