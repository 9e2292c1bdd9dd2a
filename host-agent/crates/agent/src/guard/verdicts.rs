//! What a program can do to the packets, sockets and calls that it sees, by what it can return and which helpers it calls.

use super::subject::Subject;

/// BPF_SK_SKB_STREAM_PARSER
const STREAM_PARSER: u32 = 4;

/// Why the program does more than look on: "it can drop packets (XDP_DROP)". None when it surely lets everything pass.
pub fn harm(subject: &Subject) -> Option<String> {
    let kind = subject.kind;
    if let Some(helper) = meddling(subject) {
        return Some(format!("it calls {helper}"));
    }
    if kind == "sk_skb" && subject.attach_type == STREAM_PARSER {
        return Some("as a stream parser it decides when a message is whole, and may wait for ever".to_owned());
    }
    let Some(ends) = subject.ends() else {
        return Some(format!("its verdict is computed, so it can be any ({})", bad_words(kind)));
    };
    let bad = ends.iter().find(|value| !passes(kind, **value))?;
    Some(format!("it can return {} ({})", words(kind, *bad), bad_words(kind)))
}

/// Helpers that redirect, rewrite or refuse whatever the program returns.
fn meddling(subject: &Subject) -> Option<&'static str> {
    const PACKETS: &[(i32, &str)] = &[
        (9, "bpf_skb_store_bytes, which rewrites packets"),
        (10, "bpf_l3_csum_replace, which rewrites packets"),
        (11, "bpf_l4_csum_replace, which rewrites packets"),
        (18, "bpf_skb_vlan_push, which rewrites packets"),
        (19, "bpf_skb_vlan_pop, which rewrites packets"),
        (31, "bpf_skb_change_proto, which rewrites packets"),
        (38, "bpf_skb_change_tail, which cuts packets"),
        (43, "bpf_skb_change_head, which rewrites packets"),
        (44, "bpf_xdp_adjust_head, which rewrites packets"),
        (50, "bpf_skb_adjust_room, which rewrites packets"),
        (65, "bpf_xdp_adjust_tail, which cuts packets"),
        (190, "bpf_xdp_store_bytes, which rewrites packets"),
    ];
    const SOCKETS: &[(i32, &str)] = &[
        (52, "bpf_sk_redirect_map, which redirects"),
        (60, "bpf_msg_redirect_map, which redirects"),
        (71, "bpf_msg_redirect_hash, which redirects"),
        (72, "bpf_sk_redirect_hash, which redirects"),
        (82, "bpf_sk_select_reuseport, which redirects"),
        (90, "bpf_msg_push_data, which rewrites messages"),
        (91, "bpf_msg_pop_data, which rewrites messages"),
    ];
    const SOCKET_OPERATIONS: &[(i32, &str)] = &[
        (53, "bpf_sock_map_update, which puts sockets into a socket map"),
        (70, "bpf_sock_hash_update, which puts sockets into a socket map"),
    ];
    const REFUSE: &[(i32, &str)] = &[(187, "bpf_set_retval, which can refuse the call")];
    match subject.kind {
        "xdp" | "xdp.cpumap" | "xdp.devmap" | "tc" | "netkit" | "cgroup_skb" => subject.calls(PACKETS),
        "sk_msg" | "sk_skb" | "sk_reuseport" => subject.calls(SOCKETS).or_else(|| subject.calls(PACKETS)),
        "sockops" => subject.calls(SOCKET_OPERATIONS),
        "cgroup" | "lsm_cgroup" => subject.calls(REFUSE),
        _ => None,
    }
}

/// Whether a return value of the program lets what it sees pass. The kernel looks at the lower 32 bits.
fn passes(kind: &str, value: u64) -> bool {
    let value = value as u32 as i32;
    match kind {
        // XDP_PASS
        "xdp" | "xdp.cpumap" | "xdp.devmap" => value == 2,
        // TC_ACT_UNSPEC (or TCX_NEXT), TC_ACT_OK, TC_ACT_PIPE
        "tc" | "netkit" => matches!(value, -1 | 0 | 3),
        // 1 passes, 3 passes and says that there is congestion.
        "cgroup_skb" => matches!(value, 1 | 3),
        // NF_ACCEPT; SK_PASS
        "netfilter" | "sk_lookup" | "sk_msg" | "sk_skb" | "sk_reuseport" => value == 1,
        // How many bytes of the packet stay: all of them.
        "socket" => value as u32 >= 0x4_0000,
        // 0 refuses; the other bits are advice.
        "cgroup" | "lsm_cgroup" => value & 1 == 1,
        "lsm" | "fmod_ret" => value == 0,
        // What sockops return is not looked at.
        _ => true,
    }
}

fn words(kind: &str, value: u64) -> String {
    let value = value as u32 as i32;
    let known: &[(i32, &str)] = match kind {
        "xdp" | "xdp.cpumap" | "xdp.devmap" => {
            &[(0, "XDP_ABORTED"), (1, "XDP_DROP"), (3, "XDP_TX"), (4, "XDP_REDIRECT")]
        }
        "tc" | "netkit" => &[
            (1, "TC_ACT_RECLASSIFY"),
            (2, "TC_ACT_SHOT"),
            (4, "TC_ACT_STOLEN"),
            (5, "TC_ACT_QUEUED"),
            (6, "TC_ACT_REPEAT"),
            (7, "TC_ACT_REDIRECT"),
            (8, "TC_ACT_TRAP"),
        ],
        "netfilter" => &[(0, "NF_DROP")],
        "sk_lookup" | "sk_msg" | "sk_skb" | "sk_reuseport" => &[(0, "SK_DROP")],
        "lsm" | "fmod_ret" => &[(-1, "-EPERM"), (-13, "-EACCES")],
        _ => &[],
    };
    known.iter().find(|(number, _)| *number == value).map_or_else(|| value.to_string(), |(_, name)| (*name).to_owned())
}

fn bad_words(kind: &str) -> &'static str {
    match kind {
        "xdp" | "xdp.cpumap" | "xdp.devmap" | "tc" | "netkit" => "packets can be dropped or redirected",
        "cgroup_skb" | "netfilter" | "socket" => "packets can be dropped",
        "sk_msg" | "sk_skb" => "messages can be dropped or redirected",
        "sk_lookup" | "sk_reuseport" => "connections can be dropped or redirected",
        "fmod_ret" => "the function can be skipped with that error",
        _ => "the operation can be denied",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passing_verdicts_of_each_kind() {
        let passing = [
            ("xdp", 2),
            ("tc", 0),
            ("tc", -1),
            ("netkit", -1),
            ("cgroup_skb", 1),
            ("netfilter", 1),
            ("sk_msg", 1),
            ("socket", -1),
            ("cgroup", 1),
            ("lsm", 0),
            ("fmod_ret", 0),
            ("sockops", 0),
            ("kprobe", 0),
        ];
        for (kind, value) in passing {
            assert_eq!(harm(&Subject::ending_with(kind, value)), None, "{kind} {value}");
        }
    }

    #[test]
    fn harmful_verdicts_of_each_kind() {
        let harmful = [
            ("xdp", 1, "it can return XDP_DROP (packets can be dropped or redirected)"),
            ("tc", 2, "it can return TC_ACT_SHOT (packets can be dropped or redirected)"),
            ("netkit", 7, "it can return TC_ACT_REDIRECT (packets can be dropped or redirected)"),
            ("cgroup_skb", 0, "it can return 0 (packets can be dropped)"),
            ("netfilter", 0, "it can return NF_DROP (packets can be dropped)"),
            ("sk_skb", 0, "it can return SK_DROP (messages can be dropped or redirected)"),
            ("socket", 0, "it can return 0 (packets can be dropped)"),
            ("cgroup", 0, "it can return 0 (the operation can be denied)"),
            ("lsm", -1, "it can return -EPERM (the operation can be denied)"),
            ("fmod_ret", -22, "it can return -22 (the function can be skipped with that error)"),
        ];
        for (kind, value, words) in harmful {
            assert_eq!(harm(&Subject::ending_with(kind, value)).as_deref(), Some(words));
        }
    }

    #[test]
    fn helpers_count_whatever_is_returned() {
        let rewriting = harm(&Subject::calling("tc", 9)).expect("harm");
        assert!(rewriting.contains("bpf_skb_store_bytes"), "{rewriting}");
        assert_eq!(harm(&Subject::calling("tc", 14)), None);
        assert!(harm(&Subject::calling("cgroup", 187)).is_some_and(|words| words.contains("bpf_set_retval")));
    }
}
