/** Kernel functions and tracepoints. */
import type { Kind } from '../kind.ts';

const kprobe = { object: 'kprobe', trigger: 'getpgid', feature: 'kprobes (CONFIG_KPROBES)', names: /kprobe/i };
const multi = {
  ...kprobe,
  feature: 'kprobe links on many functions (Linux 5.18, CONFIG_FPROBE)',
  names: /kprobe\.multi|CONFIG_FPROBE/i,
};
const trampoline = {
  object: 'tracing',
  trigger: 'getpgid',
  feature: 'BPF trampolines (CONFIG_DYNAMIC_FTRACE_WITH_DIRECT_CALLS)',
  names: /trampoline|CONFIG_DYNAMIC_FTRACE/i,
};
const sleepableTrampoline = {
  ...trampoline,
  feature: 'sleepable programs on system calls (CONFIG_FUNCTION_ERROR_INJECTION)',
  names: /trampoline|CONFIG_DYNAMIC_FTRACE|CONFIG_FUNCTION_ERROR_INJECTION/i,
};
const session = { ...trampoline, feature: 'fsession programs (Linux 7.0)', names: /fsession/i };
const tracingMulti = {
  ...trampoline,
  feature: 'trampolines on many functions',
  names: /(fentry|fexit|fsession)\.multi/i,
};
const tracepoint = { object: 'tracepoint', trigger: 'getpgid', feature: 'tracepoints', names: /tracepoint/i };
const faultable = { ...tracepoint, feature: 'sleepable tracepoint programs', names: /sleep/i };

export const kernelKinds: Kind[] = [
  { ...kprobe, name: 'kprobe', sections: ['kprobe+'], programs: ['on_kprobe'] },
  {
    ...kprobe,
    name: 'kprobe, function and offset chosen',
    sections: ['kprobe+'],
    programs: ['on_chosen'],
    targets: ['func=security_task_getpgid', 'offset={kprobeOffset}'],
  },
  { ...kprobe, name: 'kretprobe', sections: ['kretprobe+'], programs: ['on_kretprobe'] },
  { ...kprobe, name: 'ksyscall', sections: ['ksyscall+'], programs: ['on_ksyscall'] },
  { ...kprobe, name: 'kretsyscall', sections: ['kretsyscall+'], programs: ['on_kretsyscall'] },
  { ...multi, name: 'kprobe.multi', sections: ['kprobe.multi+'], programs: ['on_kprobe_multi'] },
  { ...multi, name: 'kretprobe.multi', sections: ['kretprobe.multi+'], programs: ['on_kretprobe_multi'] },
  {
    ...multi,
    name: 'kprobe.session',
    sections: ['kprobe.session+'],
    programs: ['on_kprobe_session'],
    feature: 'kprobe sessions (Linux 6.10, CONFIG_FPROBE)',
    names: /kprobe\.session|CONFIG_FPROBE/i,
  },

  { ...trampoline, name: 'fentry', sections: ['fentry+'], programs: ['on_fentry'] },
  {
    ...trampoline,
    name: 'fentry, function chosen',
    sections: ['fentry+'],
    programs: ['on_fentry_chosen'],
    targets: ['func=security_task_getpgid'],
  },
  { ...trampoline, name: 'fexit', sections: ['fexit+'], programs: ['on_fexit'] },
  { ...trampoline, name: 'fmod_ret', sections: ['fmod_ret+'], programs: ['on_fmod_ret'] },
  { ...sleepableTrampoline, name: 'fentry.s', sections: ['fentry.s+'], programs: ['on_fentry_s'] },
  { ...sleepableTrampoline, name: 'fexit.s', sections: ['fexit.s+'], programs: ['on_fexit_s'] },
  { ...sleepableTrampoline, name: 'fmod_ret.s', sections: ['fmod_ret.s+'], programs: ['on_fmod_ret_s'] },
  { ...session, name: 'fsession', sections: ['fsession+'], programs: ['on_fsession'] },
  { ...session, name: 'fsession.s', sections: ['fsession.s+'], programs: ['on_fsession_s'] },
  { ...tracingMulti, name: 'fentry.multi', sections: ['fentry.multi+'], programs: ['on_fentry_multi'] },
  { ...tracingMulti, name: 'fentry.multi.s', sections: ['fentry.multi.s+'], programs: ['on_fentry_multi_s'] },
  { ...tracingMulti, name: 'fexit.multi', sections: ['fexit.multi+'], programs: ['on_fexit_multi'] },
  { ...tracingMulti, name: 'fexit.multi.s', sections: ['fexit.multi.s+'], programs: ['on_fexit_multi_s'] },
  { ...tracingMulti, name: 'fsession.multi', sections: ['fsession.multi+'], programs: ['on_fsession_multi'] },
  { ...tracingMulti, name: 'fsession.multi.s', sections: ['fsession.multi.s+'], programs: ['on_fsession_multi_s'] },

  { ...tracepoint, name: 'tracepoint', sections: ['tracepoint+'], programs: ['on_tracepoint'] },
  { ...tracepoint, name: 'tp', sections: ['tp+'], programs: ['on_tp'] },
  { ...faultable, name: 'tracepoint.s', sections: ['tracepoint.s+'], programs: ['on_tracepoint_s'] },
  { ...faultable, name: 'tp.s', sections: ['tp.s+'], programs: ['on_tp_s'] },
  { ...tracepoint, name: 'raw_tracepoint', sections: ['raw_tracepoint+'], programs: ['on_raw_tracepoint'] },
  { ...tracepoint, name: 'raw_tp', sections: ['raw_tp+'], programs: ['on_raw_tp'] },
  { ...faultable, name: 'raw_tracepoint.s', sections: ['raw_tracepoint.s+'], programs: ['on_raw_tracepoint_s'] },
  { ...faultable, name: 'raw_tp.s', sections: ['raw_tp.s+'], programs: ['on_raw_tp_s'] },
  {
    ...tracepoint,
    name: 'raw_tracepoint.w (writable)',
    sections: ['raw_tracepoint.w+'],
    programs: ['on_raw_tracepoint_w'],
    trigger: 'test-run',
  },
  {
    ...tracepoint,
    name: 'raw_tp.w (writable)',
    sections: ['raw_tp.w+'],
    programs: ['on_raw_tp_w'],
    trigger: 'test-run',
  },
  { ...tracepoint, name: 'tp_btf', sections: ['tp_btf+'], programs: ['on_tp_btf'] },
  { ...faultable, name: 'tp_btf.s', sections: ['tp_btf.s+'], programs: ['on_tp_btf_s'] },

  {
    name: 'lsm',
    object: 'lsm',
    sections: ['lsm+'],
    programs: ['on_lsm'],
    trigger: 'getpgid',
    feature: 'BPF as a security module (CONFIG_BPF_LSM, "bpf" in lsm=)',
    names: /security module|CONFIG_BPF_LSM|lsm=|trampoline/i,
  },
  {
    name: 'lsm.s',
    object: 'lsm',
    sections: ['lsm.s+'],
    programs: ['on_lsm_s'],
    trigger: 'exec',
    feature: 'BPF as a security module (CONFIG_BPF_LSM, "bpf" in lsm=)',
    names: /security module|CONFIG_BPF_LSM|lsm=|trampoline|ring buffers for sleepable/i,
  },
  {
    name: 'lsm_cgroup',
    object: 'lsm',
    sections: ['lsm_cgroup+'],
    programs: ['on_lsm_cgroup'],
    targets: ['cgroup={cgroup}'],
    trigger: 'udp4',
    cgroup: true,
    feature: 'security hooks of a cgroup (Linux 6.0)',
    names: /lsm_cgroup|trampoline/i,
  },
  {
    name: 'perf_event, software clock',
    object: 'perf_event',
    sections: ['perf_event'],
    programs: ['on_sample'],
    trigger: 'spin 300',
    feature: 'perf events (CONFIG_PERF_EVENTS)',
    names: /perf/i,
  },
  {
    name: 'perf_event, hardware cycles',
    object: 'perf_event',
    sections: ['perf_event'],
    programs: ['on_sample'],
    targets: ['event=cycles'],
    trigger: 'spin 300',
    feature: 'hardware counters (a PMU that the machine shows)',
    names: /hardware|PMU/i,
  },
];
