import type { Family, Kind } from '../kind.ts';
import { cgroupKinds } from './cgroup.ts';
import { kernelKinds } from './kernel.ts';
import { networkKinds } from './network.ts';
import { otherKinds } from './others.ts';
import { userKinds } from './user.ts';

export const families: readonly Family[] = [
  { title: 'Kernel functions, tracepoints, counters', kinds: kernelKinds },
  { title: 'User space', kinds: userKinds },
  { title: 'Network', kinds: networkKinds },
  { title: 'Cgroups', kinds: cgroupKinds },
  { title: 'Iterators, struct_ops, replaced functions, programs that are run, maps', kinds: otherKinds },
];

export const kinds: readonly Kind[] = families.flatMap((family) => family.kinds);
