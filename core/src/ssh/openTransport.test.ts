import { afterEach, expect, it } from 'vitest';
import { silentLog } from '../log.ts';
import { noPrompter } from '../prompt.ts';
import { openTransport } from './openTransport.ts';
import { defaultSshOptions } from './options.ts';

const { platform } = process;
afterEach(() => Object.defineProperty(process, 'platform', { value: platform }));

it('OpenSSH by setting is refused on Windows, with what to use there', async () => {
  Object.defineProperty(process, 'platform', { value: 'win32' });
  const options = { ...defaultSshOptions, transport: 'openssh' as const, configFile: '/dev/null' };
  await expect(openTransport('127.0.0.1:1', options, noPrompter, silentLog)).rejects.toMatchObject({
    code: 'ssh-transport',
    remedy: expect.stringContaining('--transport ssh2') as string,
  });
});
