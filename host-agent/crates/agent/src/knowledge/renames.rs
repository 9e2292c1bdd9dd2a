//! Functions and events that bear another name on other kernels.

/// Names of one and the same thing over the years. Names with the same number take the same arguments (or begin with
/// them); with another number a program that reads arguments has to be changed.
type Group = &'static [(&'static str, u8)];

#[rustfmt::skip]
const FUNCTIONS: &[Group] = &[
    // Block layer: the plain names were inline wrappers from 5.16 to 6.12.
    &[("__blk_account_io_start", 0), ("blk_account_io_start", 0)],
    &[("__blk_account_io_done", 0), ("blk_account_io_done", 0)],
    &[("blk_mq_start_request", 0), ("blk_start_request", 0)],
    // Files
    &[("do_sys_openat2", 0), ("do_sys_open", 1)],
    &[("vfs_read", 0), ("__vfs_read", 0)],
    &[("vfs_write", 0), ("__vfs_write", 0)],
    &[("iterate_dir", 0), ("vfs_readdir", 1)],
    &[("filename_unlinkat", 0), ("do_unlinkat", 0)],
    &[("filename_rmdir", 0), ("do_rmdir", 0)],
    &[("filename_mkdirat", 0), ("do_mkdirat", 0)],
    &[("filename_mknodat", 0), ("do_mknodat", 0)],
    &[("filename_symlinkat", 0), ("do_symlinkat", 0)],
    &[("filename_linkat", 0), ("do_linkat", 0)],
    &[("filename_renameat2", 0), ("do_renameat2", 0)],
    &[("do_file_open", 0), ("do_filp_open", 0)],
    &[("filemap_read", 0), ("generic_file_buffered_read", 0), ("do_generic_file_read", 1)],
    &[("filemap_splice_read", 0), ("generic_file_splice_read", 0)],
    &[("path_mount", 0), ("do_mount", 1)],
    &[("path_umount", 0), ("ksys_umount", 1), ("do_umount", 2)],
    &[("vfs_coredump", 0), ("do_coredump", 0)],
    // Page cache: struct page became struct folio from 5.16 on.
    &[("folio_mark_accessed", 0), ("mark_page_accessed", 1)],
    &[("folio_account_dirtied", 0), ("account_page_dirtied", 1)],
    &[("folio_mark_dirty", 0), ("set_page_dirty", 1)],
    &[("filemap_add_folio", 0), ("add_to_page_cache_lru", 1)],
    &[("filemap_remove_folio", 0), ("delete_from_page_cache", 1)],
    &[("folio_add_lru", 0), ("lru_cache_add", 1)],
    &[("folio_unlock", 0), ("unlock_page", 1)],
    &[("__folio_lock", 0), ("__lock_page", 1)],
    &[("folio_wait_bit", 0), ("wait_on_page_bit", 1)],
    &[("folio_end_writeback", 0), ("end_page_writeback", 1)],
    &[("__folio_put", 0), ("__put_page", 1)],
    &[("filemap_alloc_folio_noprof", 0), ("filemap_alloc_folio", 0), ("__page_cache_alloc", 1)],
    &[("do_page_cache_ra", 0), ("__do_page_cache_readahead", 1)],
    // Memory
    &[("__alloc_frozen_pages_noprof", 0), ("__alloc_pages_noprof", 0), ("__alloc_pages", 0), ("__alloc_pages_nodemask", 0)],
    &[("free_frozen_pages", 0), ("free_unref_page", 0)],
    &[("get_free_pages_noprof", 0), ("__get_free_pages", 0)],
    &[("__kvmalloc_node_noprof", 0), ("kvmalloc_node_noprof", 0), ("kvmalloc_node", 0)],
    &[("try_charge_memcg", 0), ("try_charge", 0)],
    &[("__mem_cgroup_charge", 0), ("mem_cgroup_charge", 0)],
    &[("do_mmap", 0), ("do_mmap_pgoff", 1)],
    &[("do_vmi_munmap", 0), ("__do_munmap", 1), ("do_munmap", 1)],
    &[("zap_page_range_single", 0), ("zap_page_range", 1)],
    &[("exc_page_fault", 0), ("do_page_fault", 0)],
    &[("do_user_addr_fault", 0), ("__do_page_fault", 1)],
    // Processes and scheduling
    &[("kernel_clone", 0), ("_do_fork", 0), ("do_fork", 1)],
    &[("do_execveat_common", 0), ("__do_execve_file", 1), ("do_execve", 2)],
    &[("sched_tick", 0), ("scheduler_tick", 0)],
    &[("tick_nohz_handler", 0), ("tick_sched_timer", 0)],
    &[("ttwu_do_activate", 0), ("ttwu_do_wakeup", 1)],
    &[("send_signal_locked", 0), ("send_signal", 0)],
    &[("__send_signal_locked", 0), ("__send_signal", 0)],
    &[("kthread_complete_and_exit", 0), ("complete_and_exit", 0)],
    &[("__set_task_comm", 0), ("set_task_comm", 0)],
    // Interrupts, timers, locks
    &[("handle_softirqs", 0), ("__do_softirq", 0)],
    &[("common_interrupt", 0), ("do_IRQ", 0)],
    &[("sysvec_apic_timer_interrupt", 0), ("__sysvec_apic_timer_interrupt", 0), ("smp_apic_timer_interrupt", 0)],
    &[("__handle_irq_event_percpu", 0), ("handle_irq_event_percpu", 0)],
    &[("__flush_smp_call_function_queue", 0), ("flush_smp_call_function_queue", 0)],
    &[("timer_delete", 0), ("del_timer", 0)],
    &[("timer_delete_sync", 0), ("del_timer_sync", 0)],
    &[("timer_delete_sync_try", 0), ("try_to_del_timer_sync", 0)],
    &[("hrtimer_setup", 0), ("hrtimer_init", 1)],
    &[("native_queued_spin_lock_slowpath", 0), ("queued_spin_lock_slowpath", 0)],
    &[("rwsem_down_read_slowpath", 0), ("rwsem_down_read_failed", 0)],
    &[("rwsem_down_write_slowpath", 0), ("rwsem_down_write_failed", 0)],
    // Network
    &[("kfree_skb_reason", 0), ("kfree_skb", 0), ("sk_skb_reason_drop", 1)],
    &[("__dev_queue_xmit", 0), ("dev_queue_xmit", 0)],
    &[("netif_rx", 0), ("netif_rx_ni", 0)],
    &[("gro_receive_skb", 0), ("napi_gro_receive", 1)],
    &[("__sock_sendmsg", 0), ("sock_sendmsg", 0)],
    &[("skb_copy_datagram_iter", 0), ("skb_copy_datagram_iovec", 1)],
    &[("__icmp_send", 0), ("icmp_send", 0)],
    &[("inet_sk_set_state", 0), ("tcp_set_state", 0)],
    // Messages
    &[("_printk", 0), ("printk", 0)],
    &[("vpanic", 0), ("panic", 0)],
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
    in_groups(FUNCTIONS, name, &exists)
        .or_else(|| exists(&allocator).then_some(Successor { name: allocator, same_arguments: true }))
        .or_else(|| of_syscall_function(name, &exists))
}

/// The newest name of a function with the place of `name` among its names, 0 for the newest itself. On kernels that have
/// several of them the older ones call the newer.
pub fn newest(name: &str) -> (&str, usize) {
    let in_group = FUNCTIONS.iter().find_map(|group| {
        let age = group.iter().position(|(member, _)| *member == name)?;
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
    with(call).or_else(|| {
        let other = in_groups(SYSCALLS, call, &|other| with(other).is_some())?;
        let found = with(&other.name)?;
        Some(Successor { same_arguments: found.same_arguments && other.same_arguments, ..found })
    })
}

/// Looks in the groups where `name` stands for another that exists.
fn in_groups(groups: &[Group], name: &str, exists: &impl Fn(&str) -> bool) -> Option<Successor> {
    let candidates = groups.iter().filter_map(|group| {
        let (_, own) = group.iter().find(|(member, _)| *member == name)?;
        Some(group.iter().filter(|(member, _)| *member != name).map(move |(member, shape)| (*member, shape == own)))
    });
    let mut found: Vec<(&str, bool)> = candidates.flatten().filter(|(member, _)| exists(member)).collect();
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
    fn system_calls_have_the_prefix_of_the_architecture() {
        assert_eq!(of("sys_execve", &["__x64_sys_execve"]), Some(("__x64_sys_execve".into(), false)));
        assert_eq!(of("__x64_sys_execve", &["__arm64_sys_execve"]), Some(("__arm64_sys_execve".into(), true)));
        assert_eq!(of("__x64_sys_open", &["__arm64_sys_openat"]), Some(("__arm64_sys_openat".into(), false)));
        let event = |name: &str, host: &[&str]| of_event(name, |other| host.contains(&other)).map(|found| found.name);
        let stat = ["syscalls:sys_enter_newstat", "syscalls:sys_enter_newfstatat"];
        assert_eq!(event("syscalls:sys_enter_stat", &stat), Some("syscalls:sys_enter_newstat".into()));
        assert_eq!(event("syscalls:sys_enter_stat", &stat[1..]), Some("syscalls:sys_enter_newfstatat".into()));
    }

    #[test]
    fn no_name_stands_twice_in_the_table_of_functions() {
        let mut names: Vec<&str> = FUNCTIONS.iter().flat_map(|group| group.iter().map(|(name, _)| *name)).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
    }
}
