/** The rules of the guards, as the agent names them (docs/guards.md has what each is about). */
export const guardRules = [
  'ssh-interface',
  'ssh-cgroup',
  'ssh-socket',
  'ssh-netns',
  'lsm-deny',
  'fmod-ret-deny',
  'scheduler',
  'override-return',
  'write-user-memory',
  'send-signal',
  'unsafe-function',
  'many-probes',
  'map-memory',
] as const;
export type GuardRule = (typeof guardRules)[number];
