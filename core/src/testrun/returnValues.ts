/** The names of what programs return, by their type as bpftool calls it. */

const xdp = { XDP_ABORTED: 0, XDP_DROP: 1, XDP_PASS: 2, XDP_TX: 3, XDP_REDIRECT: 4 };
const tc = {
  ...{ TC_ACT_UNSPEC: -1, TC_ACT_OK: 0, TC_ACT_RECLASSIFY: 1, TC_ACT_SHOT: 2, TC_ACT_PIPE: 3, TC_ACT_STOLEN: 4 },
  ...{ TC_ACT_QUEUED: 5, TC_ACT_REPEAT: 6, TC_ACT_REDIRECT: 7, TC_ACT_TRAP: 8 },
  ...{ TCX_NEXT: -1, TCX_PASS: 0, TCX_DROP: 2, TCX_REDIRECT: 7 },
};
const sk = { SK_DROP: 0, SK_PASS: 1 };
const lwt = { BPF_OK: 0, BPF_DROP: 2, BPF_REDIRECT: 7, BPF_LWT_REROUTE: 128 };

const byType: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  xdp,
  sched_cls: tc,
  sched_act: tc,
  sk_skb: sk,
  sk_msg: sk,
  sk_lookup: sk,
  sk_reuseport: sk,
  netfilter: { NF_DROP: 0, NF_ACCEPT: 1 },
  flow_dissector: { BPF_OK: 0, BPF_DROP: 2, BPF_FLOW_DISSECTOR_CONTINUE: 129 },
  lwt_in: lwt,
  lwt_out: lwt,
  lwt_xmit: lwt,
  lwt_seg6local: lwt,
};

/** Names that a test may use for this type of program; empty where there are only numbers. */
export function returnNames(type: string): Readonly<Record<string, number>> {
  return byType[type] ?? {};
}

/** "XDP_DROP" for 1; null where the type has no name for it. */
export function returnName(type: string, value: number): string | null {
  return Object.entries(returnNames(type)).find(([, known]) => known === (value | 0))?.[0] ?? null;
}
