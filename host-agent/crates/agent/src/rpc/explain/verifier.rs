//! What the verifier, or the kernel before it, said about a program.

use super::words::line_with;
use crate::failure::Failure;
use crate::rpc::host;

/// None when it did not get to judge.
pub fn judged(named: &str, section: &str, log: &str) -> Option<Failure> {
    let words = last_words(log)?;
    if words.contains("bpf_probe_read") && host::lockdown() == "confidentiality" {
        let message = format!("{named} reads kernel memory, which this kernel's lockdown forbids: {words}");
        let hint = "Boot without lockdown=confidentiality, or use another host.";
        return Some(Failure::new("lockdown", message).hint(hint));
    }
    if let Some(helper) = missing_helper(log) {
        let message =
            format!("{named} calls the helper {helper}, which this kernel does not have for programs of this type.");
        return Some(Failure::new("helper-missing", message).hint(format!(
            "Guard the call with bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_{}), or use another helper.",
            helper.trim_start_matches("bpf_")
        )));
    }
    if let Some(line) = line_with(log, "is referenced but wasn't resolved") {
        let name = line.split('\'').nth(1).unwrap_or("").to_owned();
        let message =
            format!("{named} calls the kernel function {name}, which this kernel does not offer to BPF programs.");
        return Some(
            Failure::new("kfunc-missing", message).hint(format!("Call it only when bpf_ksym_exists({name}).")),
        );
    }
    if let Some(line) = line_with(log, "is referenced but wasn't created") {
        let message = format!("{named} uses a map that this kernel cannot make: {line}.");
        return Some(Failure::new("unsupported-by-kernel", message));
    }
    if [
        "is rejected",
        "is not modifiable",
        "cannot be attached",
        "can only be attached",
        "not a function",
        "is not a kernel function",
    ]
    .iter()
    .any(|refusal| words.contains(refusal))
        && !log.contains("0: ")
    {
        let message = format!("{named} cannot be attached to what section {section} names: {words}");
        return Some(Failure::new("target-refused", message)
            .hint("The kernel has it but lets no program of this kind attach there. Choose another function, or another kind (kprobe)."));
    }
    if words.contains("invalid bpf_context access") {
        let message = format!("{named} was rejected by the verifier: it reads its context as what it is not. {words}");
        return Some(Failure::new("verifier-rejected", message).hint(format!(
            "The argument of a program in section {section} has another type: raw tracepoints and BTF programs get an array of u64 (BPF_PROG), kprobes struct pt_regs (BPF_KPROBE), tracepoints the struct of the event."
        )));
    }
    Some(
        Failure::new("verifier-rejected", format!("{named} was rejected by the verifier: {words}"))
            .hint("The log tells the path that the verifier took and what it knew."),
    )
}

/// A field, type or value that a program reads and the kernel does not have.
pub fn core_relocation(named: &str, log: &str, messages: &str) -> Failure {
    let detail = line_with(log, "failed to resolve CO-RE relocation").or_else(|| line_with(messages, "relo #"));
    let detail = detail.map_or_else(String::new, |detail| format!(" {detail}."));
    let message = format!("{named} reads a field or type that this kernel does not have.{detail}");
    Failure::new("core-relocation", message).hint("Guard it with bpf_core_field_exists() or bpf_core_type_exists(), or build against this host's own types. A struct of your own that has the name of a kernel type needs another name.")
}

/// `unknown func bpf_x#123` of older kernels, `program of this type cannot use helper bpf_x#123` of newer ones.
fn missing_helper(log: &str) -> Option<String> {
    let line = log.lines().rev().find(|line| {
        ["unknown func ", "cannot use helper ", "invalid func "].iter().any(|words| line.contains(words))
            && !line.contains("unknown#")
    });
    if let Some(line) = line {
        let name = line.rsplit(' ').next()?.split('#').next()?;
        return Some(name.to_owned());
    }
    let numbered = log.lines().rev().find(|line| line.contains("invalid func unknown#"))?;
    Some(format!("number {}", numbered.rsplit('#').next()?.trim()))
}

/// The verifier's last sentence before its statistics; none when it did not get to judge.
pub fn last_words(log: &str) -> Option<String> {
    let statistics = ["processed ", "verification time", "stack depth"];
    let line = log.lines().rev().find(|line| {
        let line = line.trim();
        !line.is_empty() && !statistics.iter().any(|words| line.starts_with(words))
    });
    line.map(|line| line.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verifiers_reason_is_its_last_sentence() {
        let log = "0: (79) r1 = *(u64 *)(r0 +0)\nR0 invalid mem access 'scalar'\nprocessed 5 insns (limit 1000000)\n\n";
        assert_eq!(last_words(log).as_deref(), Some("R0 invalid mem access 'scalar'"));
        // A refusal before the verification leaves figures only.
        assert_eq!(last_words("processed 0 insns (limit 1000000)\nstack depth 0\n"), None);
    }

    #[test]
    fn missing_helpers_are_named_in_the_words_of_any_kernel() {
        let helper = |line: &str| missing_helper(&format!("0: (85) call x\n{line}\nprocessed 1 insns\n"));
        assert_eq!(helper("unknown func bpf_get_stackid#27").as_deref(), Some("bpf_get_stackid"));
        let newer = "program of this type cannot use helper bpf_redirect#23";
        assert_eq!(helper(newer).as_deref(), Some("bpf_redirect"));
        assert_eq!(helper("invalid func unknown#9999").as_deref(), Some("number 9999"));
        assert_eq!(helper("R1 type=scalar expected=fp"), None);
    }

    #[test]
    fn a_wrong_context_is_told_with_what_is_right() {
        let log = "0: (79) r1 = *(u64 *)(r1 +900)\ninvalid bpf_context access off=900 size=8\nprocessed 1 insns\n";
        let failure = judged("Program p", "raw_tp/sys_enter", log).expect("judged");
        assert_eq!(failure.code, "verifier-rejected");
        assert!(failure.hint.contains("raw_tp/sys_enter"), "{failure:?}");
    }
}
