/** Every hook of a cgroup. */
import type { Kind } from '../kind.ts';

const base = {
  object: 'cgroup',
  targets: ['cgroup={cgroup}'],
  cgroup: true,
  feature: 'cgroup programs (CONFIG_CGROUP_BPF)',
  names: /CONFIG_CGROUP_BPF/,
};
const unix = { ...base, trigger: 'unix', feature: 'Unix socket hooks of a cgroup (Linux 6.7)', names: /unix/i };

/** `cgroup/HOOK` with the program on_HOOK. */
const hook = (name: string, trigger: string): Kind => ({
  ...base,
  name: `cgroup/${name}`,
  sections: [`cgroup/${name}`],
  programs: [`on_${name}`],
  trigger,
});

const addresses = ['bind', 'connect', 'sendmsg', 'recvmsg', 'getpeername', 'getsockname'] as const;

export const cgroupKinds: Kind[] = [
  {
    ...base,
    name: 'cgroup_skb/ingress',
    sections: ['cgroup_skb/ingress'],
    programs: ['on_skb_ingress'],
    trigger: 'udp4',
  },
  {
    ...base,
    name: 'cgroup_skb/egress',
    sections: ['cgroup_skb/egress'],
    programs: ['on_skb_egress'],
    trigger: 'udp4',
  },
  {
    ...base,
    name: 'cgroup/skb, direction chosen',
    sections: ['cgroup/skb'],
    programs: ['on_skb'],
    targets: [...base.targets, 'direction=egress'],
    trigger: 'udp4',
  },
  hook('sock_create', 'udp4'),
  hook('sock_release', 'udp4'),
  hook('sock', 'udp4'),
  hook('post_bind4', 'udp4'),
  hook('post_bind6', 'udp6'),
  ...addresses.flatMap((name) => [hook(`${name}4`, 'udp4'), hook(`${name}6`, 'udp6')]),
  ...(['connect', 'sendmsg', 'recvmsg', 'getpeername', 'getsockname'] as const).map(
    (name): Kind => ({ ...unix, name: `cgroup/${name}_unix`, sections: [`cgroup/${name}_unix`], programs: [`on_${name}_unix`] }),
  ), // prettier-ignore
  hook('sysctl', 'open /proc/sys/net/ipv4/ip_forward'),
  hook('getsockopt', 'udp4'),
  hook('setsockopt', 'udp4'),
  hook('dev', 'open /dev/null'),
  { ...base, name: 'sockops', sections: ['sockops'], programs: ['on_sockops'], trigger: 'tcp4' },
];
