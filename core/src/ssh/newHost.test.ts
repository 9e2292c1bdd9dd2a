import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { RingsideError } from '../errors.ts';
import { resolveHost } from './config.ts';
import { addHost, parseSshCommand, planHost } from './newHost.ts';

let folder: string;
let file: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'ringside-config-'));
  file = join(folder, 'config');
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

describe('what is typed', () => {
  it.each([
    ['web-1', 'web-1', []],
    ['dev@web-1:2222', 'web-1', [['User', 'dev'], ['Port', '2222']]],
    ['ssh -p2222 -l dev -J a,b web', 'web', [['Port', '2222'], ['User', 'dev'], ['ProxyJump', 'a,b']]],
    [`ssh -A -i '/my keys/id' -o "ConnectTimeout=5" web`, 'web', [['IdentityFile', '/my keys/id'], ['ConnectTimeout', '5']]],
    ['ssh -i /a\\ b dev@[::1]:22', '::1', [['IdentityFile', '/a b'], ['User', 'dev'], ['Port', '22']]],
  ])('%s', (text, host, settings) => {
    expect(parseSshCommand(text)).toEqual({ host, settings });
  }); // prettier-ignore

  it.each(['', 'ssh', 'ssh -p', 'web uptime', 'ssh -L 1:a:2 web', 'web; rm -rf /', '-oProxyCommand=x', 'ssh -o "a=b\nc" web'])(
    'not %j',
    (text) => expect(() => parseSshCommand(text)).toThrow(RingsideError),
  ); // prettier-ignore

  it('any text is read or refused', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        try {
          parseSshCommand(text);
        } catch (error) {
          expect(error).toBeInstanceOf(RingsideError);
        }
      }),
    );
  });
});

describe('a new host', () => {
  it('makes the file, for the user alone', async () => {
    const plan = await planHost('ssh -p 2222 dev@10.0.0.1', 'web', file);
    expect(plan).toMatchObject({ file, line: 1, text: 'Host web\n  HostName 10.0.0.1\n  Port 2222\n  User dev\n' });
    expect(readdirSync(folder)).toEqual([]);
    await addHost(plan);
    expect(readFileSync(file, 'utf8')).toBe(plan.text);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(await resolveHost('web', { configFile: file })).toMatchObject({ hostname: '10.0.0.1', port: 2222, user: 'dev' });
  }); // prettier-ignore

  it('stands before what would win over it, and changes nothing else', async () => {
    const before = 'Host old\n  User x\n\n# for all\nHost *\n  User everybody\n  Port 1\n';
    writeFileSync(file, before, { mode: 0o640 });
    const plan = await planHost('dev@10.0.0.1:2222', 'web', file);
    expect(plan.line).toBe(4);
    await addHost(plan);
    expect(await resolveHost('web', { configFile: file })).toMatchObject({ user: 'dev', port: 2222 });
    const after = readFileSync(file, 'utf8');
    expect(after).toBe(before.replace('# for all', `${plan.text}\n# for all`));
    expect(statSync(file).mode & 0o777).toBe(0o640);
  });

  it('comes at the end of a file without a last line end, through a link', async () => {
    writeFileSync(join(folder, 'real'), 'Host old\n  User x');
    symlinkSync('real', file);
    await addHost(await planHost('10.0.0.2', 'new', file));
    expect(readFileSync(file, 'utf8')).toBe('Host old\n  User x\n\nHost new\n  HostName 10.0.0.2\n');
    expect(readdirSync(folder).sort()).toEqual(['config', 'real']);
  });

  it('of a name that is taken, or of no name, is refused with the place', async () => {
    writeFileSync(file, 'Host web\n  HostName 10.0.0.1\n');
    await expect(planHost('10.0.0.2', 'web', file)).rejects.toMatchObject({ code: 'usage', links: [`${file}:1`] });
    for (const alias of ['', 'a b', '*', 'a,b', '!a', 'local', '-a'])
      await expect(planHost('10.0.0.2', alias, file)).rejects.toMatchObject({ code: 'usage' });
  });

  it('is not written when the file has changed since it was shown', async () => {
    const plan = await planHost('10.0.0.2', 'web', file);
    writeFileSync(file, 'Host other\n');
    await expect(addHost(plan)).rejects.toMatchObject({ code: 'ssh-config' });
    expect(readFileSync(file, 'utf8')).toBe('Host other\n');
  });
});
