/**
 * What the system headers that NAME.c includes have already, as of glibc 2.41, libbpf 1.5 and Linux 6.12: a type, an
 * enumerator or a member of the program's own that has one of these names cannot be declared beside them. Names that begin
 * with "_" are left out: they are the system's. Taken from `clang -Xclang -ast-dump=json` and `gcc -E -dM` over the includes.
 */
/** struct, union and enum. */
const tags = words(
  'bpf_adj_room_mode bpf_attach_type bpf_attr bpf_btf_info bpf_btf_load_opts bpf_cgroup_dev_ctx ' +
    'bpf_cgroup_iter_order bpf_cgroup_storage_key bpf_check_mtu_flags bpf_check_mtu_ret bpf_cmd bpf_core_relo ' +
    'bpf_core_relo_kind bpf_cpumap_val bpf_devmap_val bpf_dynptr bpf_fib_lookup bpf_flow_keys bpf_func_id ' +
    'bpf_func_info bpf_get_fd_by_id_opts bpf_hdr_start_off bpf_insn bpf_iter_attach_opts bpf_iter_link_info ' +
    'bpf_kprobe_multi_opts bpf_kprobe_opts bpf_ksyscall_opts bpf_line_info bpf_link bpf_link_create_opts ' +
    'bpf_link_info bpf_link_type bpf_link_update_opts bpf_linker bpf_linker_file_opts bpf_linker_opts ' +
    'bpf_load_and_run_opts bpf_loader_ctx bpf_lpm_trie_key bpf_lpm_trie_key_hdr bpf_lpm_trie_key_u8 ' +
    'bpf_lwt_encap_mode bpf_map bpf_map_batch_opts bpf_map_create_opts bpf_map_desc bpf_map_info bpf_map_skeleton ' +
    'bpf_map_type bpf_obj_get_opts bpf_object bpf_object_open_opts bpf_object_skeleton bpf_object_subskeleton ' +
    'bpf_perf_event_opts bpf_perf_event_ret bpf_perf_event_value bpf_pidns_info bpf_prog_attach_opts ' +
    'bpf_prog_bind_opts bpf_prog_desc bpf_prog_info bpf_prog_linfo bpf_prog_load_opts bpf_prog_query_opts ' +
    'bpf_prog_skeleton bpf_prog_test_run_attr bpf_prog_type bpf_program bpf_raw_tracepoint_args bpf_redir_neigh ' +
    'bpf_ret_code bpf_sk_lookup bpf_sock bpf_sock_addr bpf_sock_ops bpf_sock_tuple bpf_sockopt bpf_spin_lock ' +
    'bpf_stack_build_id bpf_stack_build_id_status bpf_stats_type bpf_sysctl bpf_task_fd_type bpf_tc_attach_point ' +
    'bpf_tc_flags bpf_tc_hook bpf_tc_opts bpf_tcp_sock bpf_test_run_opts bpf_timer bpf_trace_opts bpf_tracepoint_opts ' +
    'bpf_tunnel_key bpf_uprobe_opts bpf_usdt_opts bpf_var_skeleton bpf_xdp_attach_opts bpf_xdp_query_opts ' +
    'bpf_xdp_set_link_opts bpf_xdp_sock bpf_xfrm_state btf btf_ext btf_ptr cmsghdr drand48_data flock gen_loader_opts ' +
    'group_filter group_req group_source_req if_nameindex iface ifaddr ifconf ifmap ifreq in6_addr in_addr in_pktinfo ' +
    'iovec ip_mreq ip_mreq_source ip_mreqn ip_msfilter ip_opts ipv6_mreq libbpf_errno libbpf_print_level ' +
    'libbpf_prog_handler_opts libbpf_strict_mode libbpf_tristate linger msghdr option osockaddr perf_bpf_event_type ' +
    'perf_branch_entry perf_branch_sample_type perf_branch_sample_type_shift perf_buffer perf_buffer_opts ' +
    'perf_buffer_raw_opts perf_callchain_context perf_event_attr perf_event_header perf_event_ioc_flags ' +
    'perf_event_mmap_page perf_event_query_bpf perf_event_read_format perf_event_sample_format perf_event_type ' +
    'perf_hw_cache_id perf_hw_cache_op_id perf_hw_cache_op_result_id perf_hw_id perf_mem_data_src perf_ns_link_info ' +
    'perf_record_ksymbol_type perf_sample_regs_abi perf_sample_weight perf_sw_ids perf_type_id pthread_attr_t ' +
    'random_data ring_buffer ring_buffer_opts sigaction sigcontext sigevent sigstack sigval sk_action sk_msg_md ' +
    'sk_reuseport_md sockaddr sockaddr_in sockaddr_in6 sockaddr_storage stat timespec timeval ucontext_t ' +
    'user_ring_buffer user_ring_buffer_opts xdp_action xdp_md',
);

/** Types by typedef, functions, variables and enumerators. */
const ordinary = words(
  'BUS_ADRALN BUS_ADRERR BUS_MCEERR_AO BUS_MCEERR_AR BUS_OBJERR CGROUP_NS_INDEX CLD_CONTINUED CLD_DUMPED CLD_EXITED ' +
    'CLD_KILLED CLD_STOPPED CLD_TRAPPED FILE FPE_CONDTRAP FPE_FLTDIV FPE_FLTINV FPE_FLTOVF FPE_FLTRES FPE_FLTSUB ' +
    'FPE_FLTUND FPE_FLTUNK FPE_INTDIV FPE_INTOVF IFF_ALLMULTI IFF_AUTOMEDIA IFF_BROADCAST IFF_DEBUG IFF_DYNAMIC ' +
    'IFF_LOOPBACK IFF_MASTER IFF_MULTICAST IFF_NOARP IFF_NOTRAILERS IFF_POINTOPOINT IFF_PORTSEL IFF_PROMISC ' +
    'IFF_RUNNING IFF_SLAVE IFF_UP ILL_BADIADDR ILL_BADSTK ILL_COPROC ILL_ILLADR ILL_ILLOPC ILL_ILLOPN ILL_ILLTRP ' +
    'ILL_PRVOPC ILL_PRVREG IPC_NS_INDEX IPPORT_BIFFUDP IPPORT_CMDSERVER IPPORT_DAYTIME IPPORT_DISCARD IPPORT_ECHO ' +
    'IPPORT_EFSSERVER IPPORT_EXECSERVER IPPORT_FINGER IPPORT_FTP IPPORT_LOGINSERVER IPPORT_MTP IPPORT_NAMESERVER ' +
    'IPPORT_NETSTAT IPPORT_RESERVED IPPORT_RJE IPPORT_ROUTESERVER IPPORT_SMTP IPPORT_SUPDUP IPPORT_SYSTAT ' +
    'IPPORT_TELNET IPPORT_TFTP IPPORT_TIMESERVER IPPORT_TTYLINK IPPORT_USERRESERVED IPPORT_WHOIS IPPORT_WHOSERVER ' +
    'IPPROTO_AH IPPROTO_BEETPH IPPROTO_COMP IPPROTO_DCCP IPPROTO_DSTOPTS IPPROTO_EGP IPPROTO_ENCAP IPPROTO_ESP ' +
    'IPPROTO_ETHERNET IPPROTO_FRAGMENT IPPROTO_GRE IPPROTO_HOPOPTS IPPROTO_ICMP IPPROTO_ICMPV6 IPPROTO_IDP ' +
    'IPPROTO_IGMP IPPROTO_IP IPPROTO_IPIP IPPROTO_IPV6 IPPROTO_MAX IPPROTO_MH IPPROTO_MPLS IPPROTO_MPTCP IPPROTO_MTP ' +
    'IPPROTO_NONE IPPROTO_PIM IPPROTO_PUP IPPROTO_RAW IPPROTO_ROUTING IPPROTO_RSVP IPPROTO_SCTP IPPROTO_TCP ' +
    'IPPROTO_TP IPPROTO_UDP IPPROTO_UDPLITE MAX_BPF_LINK_TYPE MNT_NS_INDEX MSG_BATCH MSG_CMSG_CLOEXEC MSG_CONFIRM ' +
    'MSG_CTRUNC MSG_DONTROUTE MSG_DONTWAIT MSG_EOR MSG_ERRQUEUE MSG_FASTOPEN MSG_FIN MSG_MORE MSG_NOSIGNAL MSG_OOB ' +
    'MSG_PEEK MSG_PROXY MSG_RST MSG_SYN MSG_TRUNC MSG_WAITALL MSG_WAITFORONE MSG_ZEROCOPY NET_NS_INDEX NR_NAMESPACES ' +
    'PID_NS_INDEX POLL_ERR POLL_HUP POLL_IN POLL_MSG POLL_OUT POLL_PRI SCM_RIGHTS SEGV_ACCADI SEGV_ACCERR ' +
    'SEGV_ADIDERR SEGV_ADIPERR SEGV_BNDERR SEGV_MAPERR SEGV_MTEAERR SEGV_MTESERR SEGV_PKUERR SHUT_RD SHUT_RDWR ' +
    'SHUT_WR SIGEV_NONE SIGEV_SIGNAL SIGEV_THREAD SIGEV_THREAD_ID SI_ASYNCIO SI_ASYNCNL SI_DETHREAD SI_KERNEL ' +
    'SI_MESGQ SI_QUEUE SI_SIGIO SI_TIMER SI_TKILL SI_USER SK_DROP SK_PASS SOCK_CLOEXEC SOCK_DCCP SOCK_DGRAM ' +
    'SOCK_NONBLOCK SOCK_PACKET SOCK_RAW SOCK_RDM SOCK_SEQPACKET SOCK_STREAM SS_DISABLE SS_ONSTACK TCP_BPF_DELACK_MAX ' +
    'TCP_BPF_IW TCP_BPF_RTO_MIN TCP_BPF_SNDCWND_CLAMP TCP_BPF_SYN TCP_BPF_SYN_IP TCP_BPF_SYN_MAC TRI_MODULE TRI_NO ' +
    'TRI_YES USER_NS_INDEX UTS_NS_INDEX XDP_ABORTED XDP_DROP XDP_PASS XDP_REDIRECT XDP_TX a64l abort abs accept ' +
    'access acct alarm aligned_alloc alloca arc4random arc4random_buf arc4random_uniform at_quick_exit atexit atof ' +
    'atoi atol atoll bcmp bcopy bind bindresvport bindresvport6 blkcnt_t blksize_t brk bsearch bzero caddr_t calloc ' +
    'chdir chown chroot clearenv clearerr clearerr_unlocked clock_t clockid_t close closefrom confstr connect creat ' +
    'crypt ctermid daddr_t daemon dev_t div div_t dprintf drand48 drand48_r dup dup2 ecvt ecvt_r endusershell erand48 ' +
    'erand48_r execl execle execlp execv execve execvp exit explicit_bzero faccessat fchdir fchown fchownat fclose ' +
    'fcntl fcvt fcvt_r fd_mask fd_set fdatasync fdopen feof feof_unlocked ferror ferror_unlocked fexecve fflush ' +
    'fflush_unlocked ffs ffsl ffsll fgetc fgetc_unlocked fgetpos fgets fileno fileno_unlocked flockfile fmemopen ' +
    'fopen fork fpathconf fpos_t fpregset_t fprintf fputc fputc_unlocked fputs fread fread_unlocked free freopen ' +
    'fsblkcnt_t fscanf fseek fseeko fsetpos fsfilcnt_t fsid_t fsync ftell ftello ftruncate ftrylockfile funlockfile ' +
    'fwrite fwrite_unlocked gcvt getc getc_unlocked getchar getchar_unlocked getcwd getdelim getdomainname ' +
    'getdtablesize getegid getentropy getenv geteuid getgid getgroups gethostid gethostname getline getloadavg ' +
    'getlogin getlogin_r getopt getopt_long getopt_long_only getpagesize getpass getpeername getpgid getpgrp getpid ' +
    'getppid getsid getsockname getsockopt getsubopt getuid getusershell getw getwd gid_t greg_t gregset_t gsignal ' +
    'htonl htons id_t if_freenameindex if_indextoname if_nameindex if_nametoindex in6addr_any in6addr_loopback ' +
    'in_addr_t in_port_t index inet_addr inet_aton inet_lnaof inet_makeaddr inet_net_ntop inet_net_pton inet_neta ' +
    'inet_netof inet_network inet_nsap_addr inet_nsap_ntoa inet_ntoa inet_ntop inet_pton initstate initstate_r ino_t ' +
    'int16_t int32_t int64_t int8_t int_fast16_t int_fast32_t int_fast64_t int_fast8_t int_least16_t int_least32_t ' +
    'int_least64_t int_least8_t intmax_t intptr_t isatty isfdtype jrand48 jrand48_r kern_sys_bpf key_t kill killpg ' +
    'l64a labs lchown lcong48 lcong48_r ldiv ldiv_t libbpf_print_fn_t libbpf_prog_attach_fn_t ' +
    'libbpf_prog_prepare_load_fn_t libbpf_prog_setup_fn_t link linkat listen llabs lldiv lldiv_t locale_t lockf ' +
    'loff_t lrand48 lrand48_r lseek madvise malloc max_align_t mblen mbstowcs mbtowc mcontext_t memccpy memchr memcmp ' +
    'memcpy memmove memset mincore mkdtemp mkstemp mkstemps mktemp mlock mlockall mmap mode_t mprotect mrand48 ' +
    'mrand48_r msync munlock munlockall munmap nice nlink_t nrand48 nrand48_r ntohl ntohs off_t on_exit open ' +
    'open_memstream openat optarg opterr optind optopt pathconf pause pclose perf_buffer_event_fn perf_buffer_lost_fn ' +
    'perf_buffer_sample_fn perror pid_t pipe popen posix_fadvise posix_fallocate posix_madvise posix_memalign pread ' +
    'printf profil pselect psiginfo psignal pthread_attr_t pthread_barrier_t pthread_barrierattr_t pthread_cond_t ' +
    'pthread_condattr_t pthread_key_t pthread_kill pthread_mutex_t pthread_mutexattr_t pthread_once_t ' +
    'pthread_rwlock_t pthread_rwlockattr_t pthread_sigmask pthread_spinlock_t pthread_t ptrdiff_t putc putc_unlocked ' +
    'putchar putchar_unlocked putenv puts putw pwrite qecvt qecvt_r qfcvt qfcvt_r qgcvt qsort quad_t quick_exit raise ' +
    'rand rand_r random random_r read readlink readlinkat realloc reallocarray realpath recv recvfrom recvmsg ' +
    'register_t remove rename renameat revoke rewind rindex ring_buffer_sample_fn rmdir rpmatch sa_family_t sbrk ' +
    'scanf seed48 seed48_r select send sendmsg sendto setbuf setbuffer setdomainname setegid setenv seteuid setgid ' +
    'sethostid sethostname setlinebuf setlogin setpgid setpgrp setregid setreuid setsid setsockopt setstate ' +
    'setstate_r setuid setusershell setvbuf shm_open shm_unlink shutdown sig_atomic_t sig_t sigaction sigaddset ' +
    'sigaltstack sigblock sigdelset sigemptyset sigevent_t sigfillset siggetmask siginfo_t siginterrupt sigismember ' +
    'signal sigpending sigprocmask sigqueue sigreturn sigset_t sigsetmask sigstack sigsuspend sigtimedwait sigval_t ' +
    'sigwait sigwaitinfo size_t skel_alloc skel_closenz skel_finalize_map_data skel_free skel_free_map_data ' +
    'skel_link_create skel_map_create skel_map_delete_elem skel_map_get_fd_by_id skel_map_update_elem ' +
    'skel_prep_map_data skel_raw_tracepoint_open skel_sys_bpf sleep snprintf sockatmark socket socketpair socklen_t ' +
    'sprintf srand srand48 srand48_r srandom srandom_r sscanf ssignal ssize_t stack_t stderr stdin stdout stpcpy ' +
    'stpncpy strcasecmp strcasecmp_l strcat strchr strcmp strcoll strcoll_l strcpy strcspn strdup strerror strerror_l ' +
    'strerror_r strlen strncasecmp strncasecmp_l strncat strncmp strncpy strndup strnlen strpbrk strrchr strsep ' +
    'strsignal strspn strstr strtod strtof strtok strtok_r strtol strtold strtoll strtoq strtoul strtoull strtouq ' +
    'strxfrm strxfrm_l suseconds_t symlink symlinkat sync syscall sysconf system tcgetpgrp tcsetpgrp tempnam time_t ' +
    'timer_t tmpfile tmpnam tmpnam_r truncate ttyname ttyname_r ttyslot u_char u_int u_int16_t u_int32_t u_int64_t ' +
    'u_int8_t u_long u_quad_t u_short ualarm ucontext_t uid_t uint uint16_t uint32_t uint64_t uint8_t uint_fast16_t ' +
    'uint_fast32_t uint_fast64_t uint_fast8_t uint_least16_t uint_least32_t uint_least64_t uint_least8_t uintmax_t ' +
    'uintptr_t ulong ungetc unlink unlinkat unsetenv useconds_t ushort usleep va_list valloc vdprintf vfork vfprintf ' +
    'vfscanf vhangup vprintf vscanf vsnprintf vsprintf vsscanf wchar_t wcstombs wctomb write',
);

/** Macros in small letters, which take the place of members, too; and the numbers of errors. */
const macros = words(
  'alloca be16toh be32toh be64toh bool errno false htobe16 htobe32 htobe64 htole16 htole32 htole64 ifa_broadaddr ' +
    'ifa_dstaddr ifc_buf ifc_req ifr_addr ifr_bandwidth ifr_broadaddr ifr_data ifr_dstaddr ifr_flags ifr_hwaddr ' +
    'ifr_ifindex ifr_map ifr_metric ifr_mtu ifr_name ifr_netmask ifr_newname ifr_qlen ifr_slave le16toh le32toh ' +
    'le64toh linux no_argument offsetof offsetofend optional_argument required_argument s6_addr s6_addr16 s6_addr32 ' +
    'sa_handler sa_sigaction set_err si_addr si_addr_lsb si_arch si_band si_call_addr si_fd si_int si_lower ' +
    'si_overrun si_pid si_pkey si_ptr si_status si_stime si_syscall si_timerid si_uid si_upper si_utime si_value ' +
    'sigev_notify_attributes sigev_notify_function sigmask st_atime st_ctime st_mtime stderr stdin stdout true unix ' +
    'va_arg va_copy va_end va_start E2BIG EACCES EADDRINUSE EADDRNOTAVAIL EADV EAFNOSUPPORT EAGAIN EALREADY EBADE ' +
    'EBADF EBADFD EBADMSG EBADR EBADRQC EBADSLT EBFONT EBUSY ECANCELED ECHILD ECHRNG ECOMM ECONNABORTED ECONNREFUSED ' +
    'ECONNRESET EDEADLK EDEADLOCK EDESTADDRREQ EDOM EDOTDOT EDQUOT EEXIST EFAULT EFBIG EHOSTDOWN EHOSTUNREACH ' +
    'EHWPOISON EIDRM EILSEQ EINPROGRESS EINTR EINVAL EIO EISCONN EISDIR EISNAM EKEYEXPIRED EKEYREJECTED EKEYREVOKED ' +
    'EL2HLT EL2NSYNC EL3HLT EL3RST ELIBACC ELIBBAD ELIBEXEC ELIBMAX ELIBSCN ELNRNG ELOOP EMEDIUMTYPE EMFILE EMLINK ' +
    'EMSGSIZE EMULTIHOP ENAMETOOLONG ENAVAIL ENETDOWN ENETRESET ENETUNREACH ENFILE ENOANO ENOBUFS ENOCSI ENODATA ' +
    'ENODEV ENOENT ENOEXEC ENOKEY ENOLCK ENOLINK ENOMEDIUM ENOMEM ENOMSG ENONET ENOPKG ENOPROTOOPT ENOSPC ENOSR ' +
    'ENOSTR ENOSYS ENOTBLK ENOTCONN ENOTDIR ENOTEMPTY ENOTNAM ENOTRECOVERABLE ENOTSOCK ENOTSUP ENOTTY ENOTUNIQ ENXIO ' +
    'EOF EOPNOTSUPP EOVERFLOW EOWNERDEAD EPERM EPFNOSUPPORT EPIPE EPROTO EPROTONOSUPPORT EPROTOTYPE ERANGE EREMCHG ' +
    'EREMOTE EREMOTEIO ERESTART ERFKILL EROFS ESHUTDOWN ESOCKTNOSUPPORT ESPIPE ESRCH ESRMNT ESTALE ESTRPIPE ETIME ' +
    'ETIMEDOUT ETOOMANYREFS ETXTBSY EUCLEAN EUNATCH EUSERS EWOULDBLOCK EXDEV EXFULL',
);

/** Groups of macros that grow with each release. */
const macroGroups = /^(?:SIG[A-Z0-9]+|(?:AF|PF|BPF|PERF|IPPROTO|SOCK|SEEK|O|SA|SI|S_I)_\w+)$/;

function words(text: string): ReadonlySet<string> {
  return new Set(text.split(' '));
}

export const systemTags: ReadonlySet<string> = tags;

/** Whether C's user space has this already: "struct option", "stack_t", "EPERM". */
export function isSystemName(name: string): boolean {
  const tag = /^(?:struct|union|enum) (\w+)$/.exec(name)?.[1];
  return tag === undefined
    ? ordinary.has(name) || isMacro(name) || macroGroups.test(name)
    : tags.has(tag) || isMacro(tag);
}

/** Whether the preprocessor would put something else in its place. */
export function isMacro(name: string): boolean {
  return macros.has(name);
}
