/** A user without root: the agent's file is given capabilities by an administrator, with the command that doctor names. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { agents } from './support/agents.ts';
import { cliRun, removeCache, startCli } from './support/cli.ts';

const USER = 'rs-capable';
/** Bits 38 and 39: CAP_PERFMON, CAP_BPF. */
const MASK = '000000c000000000';
const EXECSNOOP = 'bpf-snippets/execsnoop/execsnoop.bpf.c';

let sshd: TestSshd;
let host: string;
let asUser: string[];
beforeAll(async () => {
  sshd = await startSshd({ users: [{ name: USER }] });
  host = sshd.aliasOf(USER);
  asUser = ['--ssh-config', sshd.configFile, '--sudo', 'never', '--json'];
});
afterAll(async () => {
  await sshd.stop();
  removeCache();
});

const privilege = async () => {
  const { json } = await cliRun(['doctor', host, ...asUser]);
  return (json[0].checks as { id: string; status: string; detail: string; remedy: string }[]).find(
    ({ id }) => id === 'privilege',
  )!;
};

describe('an agent of a user without root', () => {
  it('attaches nothing, and says which command would let it', async () => {
    const refused = await cliRun(['attach', EXECSNOOP, '--host', host, ...asUser]);
    expect(refused.code).toBe(4);
    const { error } = refused.json.at(-1);
    expect(error.code).toBe('no-permission');
    expect(error.remedy).toMatch(/sudo setcap cap_bpf,\S+=ep \/home\/rs-capable\/\S+\/ringside-agent/);
    expect(error.remedy).toContain((await privilege()).remedy.match(/sudo setcap [^`]*/)![0]);
  });

  it('attaches once that command was run, with what the object needs and no more', async () => {
    const command = /`sudo (setcap [^`]*)`/.exec((await privilege()).remedy)![1]!;
    execFileSync('/bin/sh', ['-c', command]);
    expect(await privilege()).toMatchObject({ status: 'ok' });

    const cli = startCli(['attach', EXECSNOOP, '--host', host, ...asUser]);
    try {
      await cli.waitFor((line: { type: string }) => line.type === 'attached');
      execFileSync('/bin/true');
      await cli.waitFor((line: { type: string; data?: { comm?: string } }) => line.type === 'event');
      const capabilities = (await cliRun(['inspect', EXECSNOOP, '--json'])).json[0].capabilities as string[];
      expect(capabilities).toEqual(['CAP_BPF', 'CAP_PERFMON']);
      expect(agents()).toHaveLength(1);
      const status = readFileSync(`/proc/${agents()[0]}/status`, 'utf8');
      expect(status).toMatch(/^Uid:\s+[1-9]/m);
      for (const set of ['CapPrm', 'CapEff', 'CapBnd']) expect(status).toMatch(new RegExp(`^${set}:\\s+${MASK}$`, 'm'));
      expect(status).toMatch(/^NoNewPrivs:\s+1$/m);
    } finally {
      cli.child.kill('SIGINT');
    }
    expect((await cli.done).code).toBe(130);
    expect(agents()).toEqual([]);
  });
});
