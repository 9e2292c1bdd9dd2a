/** Functions and markers in user space. */
import type { Kind } from '../kind.ts';

const uprobe = { object: 'uprobe', trigger: 'user', feature: 'uprobes (CONFIG_UPROBES)', names: /uprobe/i };
const sleepable = { ...uprobe, feature: 'sleepable uprobes (Linux 6.0)', names: /sleepable uprobe|uprobe\.s/i };
const multi = { ...uprobe, feature: 'uprobe links on many places (Linux 6.6)', names: /uprobe\.multi/i };
const session = { ...uprobe, feature: 'uprobe sessions (Linux 6.13)', names: /uprobe\.session/i };
const usdt = { ...uprobe, object: 'usdt' };

export const userKinds: Kind[] = [
  { ...uprobe, name: 'uprobe', sections: ['uprobe+'], programs: ['on_uprobe'] },
  { ...uprobe, name: 'uretprobe', sections: ['uretprobe+'], programs: ['on_uretprobe'] },
  { ...sleepable, name: 'uprobe.s', sections: ['uprobe.s+'], programs: ['on_uprobe_s'] },
  { ...sleepable, name: 'uretprobe.s', sections: ['uretprobe.s+'], programs: ['on_uretprobe_s'] },
  {
    ...uprobe,
    name: 'uprobe, version of a symbol',
    sections: ['uprobe+'],
    programs: ['on_chosen'],
    targets: ['binary={folder}/libprobed.so', 'symbol=probed_call@PROBED_1'],
    trigger: './caller',
  },
  {
    ...uprobe,
    name: 'uprobe, offset in the file',
    sections: ['uprobe+'],
    programs: ['on_chosen'],
    targets: ['binary={folder}/trigger', 'offset={probedOffset}'],
  },
  {
    ...uprobe,
    name: 'uprobe, one process',
    sections: ['uprobe+'],
    programs: ['on_chosen'],
    targets: ['binary={folder}/trigger', 'symbol=probed_add', 'pid={loop}'],
    trigger: 'number',
  },
  {
    ...uprobe,
    name: 'uprobe, binary in a container',
    sections: ['uprobe+'],
    programs: ['on_chosen'],
    targets: ['binary=/bin/boxed', 'symbol=probed_add', 'pid={boxed}'],
    trigger: 'number',
  },
  { ...multi, name: 'uprobe.multi', sections: ['uprobe.multi+'], programs: ['on_uprobe_multi'] },
  { ...multi, name: 'uretprobe.multi', sections: ['uretprobe.multi+'], programs: ['on_uretprobe_multi'] },
  { ...multi, name: 'uprobe.multi.s', sections: ['uprobe.multi.s+'], programs: ['on_uprobe_multi_s'] },
  { ...multi, name: 'uretprobe.multi.s', sections: ['uretprobe.multi.s+'], programs: ['on_uretprobe_multi_s'] },
  { ...session, name: 'uprobe.session', sections: ['uprobe.session+'], programs: ['on_uprobe_session'] },
  { ...session, name: 'uprobe.session.s', sections: ['uprobe.session.s+'], programs: ['on_uprobe_session_s'] },
  { ...usdt, name: 'usdt', sections: ['usdt+'], programs: ['on_usdt'] },
  { ...sleepable, object: 'usdt', name: 'usdt.s', sections: ['usdt.s+'], programs: ['on_usdt_s'] },
  {
    ...usdt,
    name: 'usdt behind a semaphore',
    sections: ['usdt+'],
    programs: ['on_chosen'],
    targets: ['binary={folder}/trigger', 'provider=ringside', 'probe=guarded'],
  },
];
