export { defaultSshOptions, type SshOptions } from './options.ts';
export type { ExecChannel, ExitStatus, RunOptions, RunResult, Transport } from './transport.ts';
export { listHosts, resolveHost, type ListHostsOptions, type ResolvedHost, type ResolveOptions } from './config.ts';
export { addHost, planHost } from './newHost.ts';
export { openTransport, type OpenOptions } from './openTransport.ts';
export { RememberedAnswers } from './rememberedAnswers.ts';
export { fingerprint, randomart } from './fingerprint.ts';
export { loginShellCommand, neutralize, quote } from './shell.ts';
