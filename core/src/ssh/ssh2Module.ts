/** ssh2, loaded when the first connection needs it: commands without a host must not pay for it. */
import type * as Ssh2 from 'ssh2';

export type Ssh2Module = typeof Ssh2;

let loaded: Promise<Ssh2Module> | undefined;

export function loadSsh2(): Promise<Ssh2Module> {
  // CommonJS: depending on the bundler the exports are the namespace or its default.
  loaded ??= import('ssh2').then((module) => (module as unknown as { default?: Ssh2Module }).default ?? module);
  return loaded;
}
