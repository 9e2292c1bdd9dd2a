import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { resolveHost } from '../config.ts';
import { defaultSshOptions } from '../options.ts';
import { configText } from './configText.ts';

const folder = mkdtempSync(join(tmpdir(), 'ringside config %-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

it("keeps what the user's configuration says, but for what must not be let through", async () => {
  const user = join(folder, 'user [1]');
  writeFileSync(
    user,
    `Host web
  HostName 10.0.0.1
  Port 2222
  ProxyJump hop
  StrictHostKeyChecking no
  UserKnownHostsFile "${folder.replaceAll('%', '%%')}/mine"
Host *
  ForwardAgent yes
  ConnectTimeout 7
  ServerAliveInterval 300
`,
  );
  const hosts = [{ argument: 'web', resolved: await resolveHost('web', { configFile: user }) }];
  const file = join(folder, 'generated');
  const answer = (options = defaultSshOptions): string => {
    writeFileSync(file, configText(hosts, options, join(folder, 'new'), [user, join(folder, 'missing')]));
    return execFileSync('ssh', ['-G', '-F', file, 'web'], { encoding: 'utf8' });
  };
  const lines = answer().split('\n');
  for (const line of ['hostname 10.0.0.1', 'port 2222', 'proxyjump hop', 'connecttimeout 7', 'serveraliveinterval 15'])
    expect(lines).toContain(line);
  expect(lines).toContain('stricthostkeychecking accept-new');
  expect(lines).toContain('forwardagent no');
  expect(lines).toContain(`userknownhostsfile ${folder}/new ${folder}/mine`);
  expect(lines.find((line) => line.startsWith('ciphers '))).toMatch(/^ciphers aes128-gcm@openssh.com,.*aes256-ctr$/);
  const own = answer({ ...defaultSshOptions, knownHostsFile: '/only/this' }).split('\n');
  expect(own).toContain(`userknownhostsfile ${folder}/new /only/this`);
  expect(own).toContain('globalknownhostsfile /dev/null');
});
