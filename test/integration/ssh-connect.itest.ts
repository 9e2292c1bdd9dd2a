import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { defaultSshOptions, openTransport, type SshOptions, type Transport } from '../../core/src/ssh/index.ts';
import { silentLog } from '../../core/src/log.ts';
import { noPrompter, type HostKeyQuestion, type Prompter, type SecretQuestion } from '../../core/src/prompt.ts';
import { RingsideError } from '../../core/src/errors.ts';
import { startSshd, type TestSshd } from '../hosts/sshd.ts';

const never: Prompter = {
  confirmHostKey: () => Promise.reject(new Error('asked for a host key')),
  secret: () => Promise.reject(new Error('asked for a secret')),
};

/** Opens, gives the transport to `use`, and always closes. */
async function withTransport<T>(
  host: string,
  options: SshOptions,
  prompter: Prompter,
  use: (transport: Transport) => Promise<T>,
): Promise<T> {
  const transport = await openTransport(host, options, prompter, silentLog);
  try {
    return await use(transport);
  } finally {
    transport.dispose();
  }
}

async function failure(promise: Promise<unknown>): Promise<RingsideError> {
  try {
    await promise;
  } catch (error) {
    if (error instanceof RingsideError) return error;
    throw error;
  }
  throw new Error('it did not fail');
}

describe('a known host and a key', () => {
  let sshd: TestSshd;
  let options: SshOptions;
  beforeAll(async () => {
    sshd = await startSshd();
    options = { ...defaultSshOptions, configFile: sshd.configFile };
  });
  afterAll(() => sshd.stop());

  it('runs a command', async () => {
    await withTransport(sshd.alias, options, never, async (transport) => {
      const result = await transport.run("printf '%s' \"it's $((6 * 7))!\"; echo oops >&2; exit 3");
      expect(result).toEqual({ stdout: "it's 42!", stderr: 'oops\n', code: 3, signal: null });
    });
  });
});
