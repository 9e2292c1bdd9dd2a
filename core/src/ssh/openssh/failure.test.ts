import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isErrorCode } from '../../errors.ts';
import type { ResolvedHost } from '../config.ts';
import { readFailure } from './failure.ts';

const host = { name: 'web', hostname: '10.0.0.1', port: 22, user: 'dev' } as ResolvedHost;

describe('why ssh gave up', () => {
  it('names what was tried at the last host, and what it takes', () => {
    const error = readFailure(
      host,
      `debug1: Authenticating to hop:22 as 'dev'
debug1: Offering public key: /home/dev/for_hop RSA SHA256:xyz explicit
debug1: Authenticating to 10.0.0.1:22 as 'dev'
debug1: Next authentication method: publickey
debug1: Offering public key: /home/dev/my key ED25519 SHA256:abc agent
debug1: Next authentication method: gssapi-with-mic
dev@10.0.0.1: Permission denied (publickey,gssapi-with-mic).
`,
    );
    expect(error.code).toBe('auth-failed');
    expect(error.message).toBe(
      'dev@10.0.0.1 did not let us in: it refused every way to log in. ' +
        'Tried: /home/dev/my key (ED25519), gssapi-with-mic. The server takes: publickey, gssapi-with-mic.',
    );
  });

  it.each([
    ['ssh: Could not resolve hostname web: Name or service not known', 'host-unknown'],
    ['ssh: connect to host 10.0.0.1 port 22: Connection refused', 'host-unreachable'],
    ['ssh: connect to host 10.0.0.1 port 22: Connection timed out', 'host-timeout'],
    ['Connection timed out during banner exchange', 'host-timeout'],
    ['Unable to negotiate with 10.0.0.1 port 22: no matching host key type found. Their offer: ssh-dss', 'ssh-transport'],
    ['/home/a/.ssh/config: line 3: Bad configuration option: foo', 'ssh-config'],
    ['Bad owner or permissions on /home/a/.ssh/config', 'ssh-config'],
    ['@ WARNING: REVOKED HOST KEY DETECTED! @', 'host-key-revoked'],
    ['Host key verification failed.', 'host-key-unknown'],
    ['Received disconnect from 10.0.0.1 port 22:2: Too many authentication failures', 'auth-failed'],
    ['kex_exchange_identification: Connection closed by remote host', 'host-unreachable'],
    ['', 'host-unreachable'],
  ])('%s', (text, code) => {
    const error = readFailure(host, `debug1: something\r\n${text}\r\n`);
    expect(error.code).toBe(code);
    expect(error.remedy).not.toBe('');
  });

  it('a changed key of a file that is not there any more is a changed key', () => {
    const error = readFailure(
      host,
      `@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @
The fingerprint for the ED25519 key sent by the remote host is
SHA256:new.
Offending RSA key in /nonexistent/known_hosts:7
Host key for web has changed and you have requested strict checking.
Host key verification failed.`,
    );
    expect(error.code).toBe('host-key-mismatch');
    expect(error.links).toEqual(['/nonexistent/known_hosts:7']);
    expect(error.message).toContain('SHA256:new');
  });

  it('any text gives an error with a known code', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        expect(isErrorCode(readFailure(host, text).code)).toBe(true);
      }),
    );
  });
}); // prettier-ignore
