import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { deployAgent, type AgentProcess, type DeployOptions } from '../../core/src/deploy/index.ts';
import { silentLog } from '../../core/src/log.ts';
import type { Prompter } from '../../core/src/prompt.ts';
import { defaultSshOptions, openTransport, type SshOptions, type Transport } from '../../core/src/ssh/index.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';
import { answering, failure, magic, nobody, stubAgent, take, type StubResources } from './ssh-fixtures.ts';

let sshd: TestSshd;
let stub: StubResources;
/** Root's folder for agents in these tests, so that agents installed in earnest are left alone. */
const folder = `/var/lib/ringside-test-${process.pid}`;
const open: Transport[] = [];

beforeAll(async () => {
  stub = stubAgent();
  sshd = await startSshd({
    users: [
      { name: 'rs-free', sudo: 'nopasswd' },
      { name: 'rs-pass', sudo: 'password', password: 'correct horse' },
      { name: 'rs-none' },
    ],
  });
});
afterAll(async () => {
  await sshd.stop();
  stub.remove();
});
afterEach(() => {
  for (const transport of open.splice(0)) transport.dispose();
});

async function connect(
  user?: string,
  ssh: Partial<SshOptions> = {},
): Promise<{ transport: Transport; ssh: SshOptions }> {
  const options = { ...defaultSshOptions, configFile: sshd.configFile, ...ssh };
  const transport = await openTransport(user ? sshd.aliasOf(user) : sshd.alias, options, nobody, silentLog);
  open.push(transport);
  return { transport, ssh: options };
}

async function deploy(
  user?: string,
  more: { prompter?: Prompter; ssh?: Partial<SshOptions>; options?: Partial<DeployOptions> } = {},
): Promise<AgentProcess> {
  const { transport, ssh } = await connect(user, more.ssh);
  const base = {
    ssh,
    prompter: more.prompter ?? nobody,
    log: silentLog,
    resourceDir: stub.resourceDir,
    folders: [folder],
  };
  return deployAgent(transport, { ...base, ...more.options });
}

async function echo(agent: AgentProcess): Promise<void> {
  expect((await take(agent.channel.stdout, magic.length)).equals(magic)).toBe(true);
  agent.channel.stdin.write('hello');
  expect((await take(agent.channel.stdout, 5)).toString()).toBe('hello');
}

/** Ends the agent as a client does: stdin closed, exit awaited. */
async function end(agent: AgentProcess): Promise<void> {
  agent.channel.stdin.end();
  expect(await agent.channel.exit).toEqual({ code: 0, signal: null });
}

describe('as root', () => {
  beforeEach(() => rmSync(folder, { recursive: true, force: true }));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));

  it('installs once, then starts what is there', async () => {
    const cold = await deploy();
    expect(cold).toMatchObject({ installed: true, privilege: 'root', sha256: stub.sha256 });
    expect(cold.path).toBe(`${folder}/${stub.sha256}/ringside-agent`);
    await echo(cold);
    await end(cold);
    const file = statSync(cold.path);
    expect({ mode: file.mode & 0o777, uid: file.uid }).toEqual({ mode: 0o500, uid: 0 });
    expect(statSync(folder).mode & 0o777).toBe(0o700);
    expect(readdirSync(folder)).toEqual([stub.sha256]);

    const warm = await deploy();
    expect(warm).toMatchObject({ installed: false, path: cold.path });
    await echo(warm);
    await end(warm);
  });
});
