/** A command that nobody else runs: its row in a panel can only be ours. */
import { spawn } from 'node:child_process';
import { chmodSync, copyFileSync } from 'node:fs';
import { join } from 'node:path';

export interface KnownCommand {
  /** Name of the program, at most 15 characters: what the kernel calls `comm`. */
  comm: string;
  /** The path that is executed. */
  filename: string;
  /** Runs it once and gives the pid that it had. */
  run(): Promise<number>;
}

/** Copies /bin/true under a name of its own. */
export function knownCommand(folder: string, comm = `rs-${String(process.pid)}`): KnownCommand {
  const filename = join(folder, comm);
  copyFileSync('/bin/true', filename);
  chmodSync(filename, 0o755);
  const run = (): Promise<number> =>
    new Promise((resolve, reject) => {
      const child = spawn(filename, [], { stdio: 'ignore' });
      child.on('error', reject);
      child.on('close', (code) => {
        if (code === 0 && child.pid !== undefined) resolve(child.pid);
        else reject(new Error(`${filename} ended with ${String(code)}`));
      });
    });
  return { comm, filename, run };
}
