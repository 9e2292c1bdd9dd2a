import type { Kind } from '../kind.ts';
import { cgroupKinds } from './cgroup.ts';
import { kernelKinds } from './kernel.ts';
import { networkKinds } from './network.ts';
import { otherKinds } from './others.ts';
import { userKinds } from './user.ts';

export const kinds: readonly Kind[] = [...kernelKinds, ...userKinds, ...networkKinds, ...cgroupKinds, ...otherKinds];
