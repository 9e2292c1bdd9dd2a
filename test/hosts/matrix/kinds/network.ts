/** Interfaces, sockets and network namespaces. */
import type { Kind } from '../kind.ts';

// A packet that is sent on one end of the veth pair arrives at the other one.
const arrives = { trigger: 'packet {peer}', targets: ['iface={veth}'] };
const leaves = { trigger: 'packet {veth}', targets: ['iface={veth}'] };

const xdp = { object: 'xdp', ...arrives, feature: 'XDP', names: /XDP/ };
const frags = { ...xdp, feature: 'XDP programs that take fragments (Linux 5.18)', names: /fragment|xdp\.frags/i };
const tc = { object: 'tc', feature: 'traffic control (CONFIG_NET_CLS_BPF)', names: /CONFIG_NET_CLS_BPF|clsact/ };
const netkit = { object: 'tc', feature: 'netkit devices (Linux 6.7, CONFIG_NETKIT)', names: /netkit/i };
const sockmap = {
  object: 'sockmap',
  trigger: 'tcp4',
  cgroup: true,
  targets: ['fill:cgroup={cgroup}'],
  feature: 'socket maps (CONFIG_BPF_STREAM_PARSER)',
  names: /sockmap|CONFIG_BPF_STREAM_PARSER|sk_skb/i,
};
const lwt = {
  object: 'lwt',
  trigger: 'udp4',
  explained: true as const,
  feature: 'a route with "encap bpf"',
  names: /route/i,
};

export const networkKinds: Kind[] = [
  { ...xdp, name: 'xdp', sections: ['xdp'], programs: ['on_xdp'] },
  {
    ...xdp,
    name: 'xdp, generic mode',
    sections: ['xdp'],
    programs: ['on_xdp'],
    targets: ['iface={veth}', 'xdp-mode=skb'],
  },
  {
    ...xdp,
    name: 'xdp, driver mode',
    sections: ['xdp'],
    programs: ['on_xdp'],
    targets: ['iface={veth}', 'xdp-mode=driver'],
  },
  { ...frags, name: 'xdp.frags', sections: ['xdp.frags'], programs: ['on_xdp_frags'] },
  ...(['cpumap', 'devmap'] as const).flatMap((map): Kind[] => {
    const place = map === 'cpumap' ? 'cpu=0' : 'iface={peer}';
    return [
      {
        ...xdp,
        name: `xdp/${map}`,
        object: `xdp_${map}`,
        sections: [`xdp/${map}`],
        programs: [`on_${map}`, 'send'],
        targets: [`on_${map}:map=places`, `on_${map}:${place}`, 'send:iface={veth}'],
        feature: `programs on the entries of a ${map} (Linux 5.9)`,
        names: new RegExp(map, 'i'),
      },
      {
        ...frags,
        name: `xdp.frags/${map}`,
        object: `xdp_${map}`,
        sections: [`xdp.frags/${map}`],
        programs: [`on_${map}_frags`, 'send_frags'],
        targets: [`on_${map}_frags:map=places`, `on_${map}_frags:${place}`, 'send_frags:iface={veth}'],
      },
    ];
  }),

  { ...tc, ...arrives, name: 'tc, ingress', sections: ['tc'], programs: ['on_tc'] },
  {
    ...tc,
    ...leaves,
    name: 'tc, egress',
    sections: ['tc'],
    programs: ['on_tc'],
    targets: ['iface={veth}', 'direction=egress'],
  },
  { ...tc, ...arrives, name: 'classifier', sections: ['classifier'], programs: ['on_classifier'] },
  { ...tc, ...arrives, name: 'tc/ingress', sections: ['tc/ingress'], programs: ['on_tc_ingress'] },
  { ...tc, ...leaves, name: 'tc/egress', sections: ['tc/egress'], programs: ['on_tc_egress'] },
  { ...tc, ...arrives, name: 'tcx/ingress', sections: ['tcx/ingress'], programs: ['on_tcx_ingress'] },
  { ...tc, ...leaves, name: 'tcx/egress', sections: ['tcx/egress'], programs: ['on_tcx_egress'] },
  {
    ...tc,
    trigger: 'packet {peer}',
    name: 'action',
    sections: ['action'],
    programs: ['on_action'],
    explained: true,
    feature: 'a filter with "action bpf"',
    names: /action/i,
  },
  {
    ...netkit,
    name: 'netkit/primary',
    sections: ['netkit/primary'],
    programs: ['on_netkit_primary'],
    targets: ['iface={netkit}'],
    trigger: 'packet {netkit}',
  },
  {
    ...netkit,
    name: 'netkit/peer',
    sections: ['netkit/peer'],
    programs: ['on_netkit_peer'],
    targets: ['iface={netkit}'],
    trigger: 'packet {netkitPeer}',
  },

  {
    name: 'socket',
    object: 'socket',
    sections: ['socket'],
    programs: ['on_socket'],
    targets: ['iface=lo'],
    trigger: 'udp4',
    feature: 'socket filters',
    names: /socket filter/i,
  },
  {
    name: 'sk_reuseport',
    object: 'socket',
    sections: ['sk_reuseport'],
    programs: ['on_reuseport'],
    targets: ['pid={reuse}', 'fd=3'],
    trigger: 'reuse-client',
    feature: 'programs of reuseport groups',
    names: /reuseport/i,
  },
  {
    name: 'sk_reuseport/migrate',
    object: 'socket',
    sections: ['sk_reuseport/migrate'],
    programs: ['on_reuseport_migrate'],
    targets: ['pid={reuse}', 'fd=5'],
    trigger: 'migrate {reuse}',
    feature: 'moving connections within a reuseport group (Linux 5.14)',
    names: /reuseport.*migrat|migrat.*reuseport/i,
  },
  {
    name: 'sk_lookup',
    object: 'socket',
    sections: ['sk_lookup'],
    programs: ['on_lookup'],
    trigger: 'tcp4',
    feature: 'sk_lookup (Linux 5.9)',
    names: /sk_lookup/i,
  },
  {
    name: 'flow_dissector',
    object: 'socket',
    sections: ['flow_dissector'],
    programs: ['on_flow_dissector'],
    trigger: 'dissect',
    feature: 'flow dissector programs',
    names: /flow.dissector/i,
  },
  {
    name: 'netfilter',
    object: 'netfilter',
    sections: ['netfilter'],
    programs: ['on_netfilter'],
    targets: ['pf=ipv4', 'hook=input'],
    trigger: 'udp4',
    feature: 'netfilter links (Linux 6.4, CONFIG_NETFILTER_BPF_LINK)',
    names: /netfilter/i,
  },
  {
    ...sockmap,
    name: 'sk_msg',
    sections: ['sk_msg'],
    programs: ['on_sk_msg', 'fill'],
    targets: [...sockmap.targets, 'on_sk_msg:map=sockets'],
  },
  {
    ...sockmap,
    name: 'sk_skb/stream_parser',
    sections: ['sk_skb/stream_parser'],
    // A parser is asked only where there is a verdict to come.
    programs: ['on_stream_parser', 'on_stream_verdict', 'fill'],
    targets: [...sockmap.targets, 'on_stream_parser:map=sockets', 'on_stream_verdict:map=sockets'],
  },
  {
    ...sockmap,
    name: 'sk_skb/stream_verdict',
    sections: ['sk_skb/stream_verdict'],
    programs: ['on_stream_verdict', 'fill'],
    targets: [...sockmap.targets, 'on_stream_verdict:map=sockets'],
  },
  {
    ...sockmap,
    name: 'sk_skb/verdict',
    sections: ['sk_skb/verdict'],
    programs: ['on_verdict', 'fill'],
    targets: [...sockmap.targets, 'on_verdict:map=sockets'],
    feature: 'sk_skb/verdict programs (Linux 5.13)',
    names: /sk_skb\/verdict/i,
  },
  {
    ...sockmap,
    name: 'sk_skb',
    sections: ['sk_skb'],
    programs: ['on_sk_skb', 'fill'],
    targets: [...sockmap.targets, 'on_sk_skb:map=sockets', 'on_sk_skb:hook=stream_verdict'],
  },
  ...['lwt_in', 'lwt_out', 'lwt_xmit', 'lwt_seg6local'].map((name): Kind => ({
    ...lwt,
    name,
    sections: [name],
    programs: [`on_${name}`],
  })),
  {
    name: 'lirc_mode2',
    object: 'lirc',
    sections: ['lirc_mode2'],
    programs: ['on_lirc'],
    trigger: '',
    explained: true,
    feature: 'an infrared receiver (CONFIG_BPF_LIRC_MODE2)',
    names: /lirc|infrared/i,
  },
];
