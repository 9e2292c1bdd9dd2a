import { create } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import { FeaturesSchema, HostFactsSchema, ObjectPolicySchema } from '../agent/generated/agent_pb.ts';
import { silentLog } from '../log.ts';
import { auditCheck, doctorReport, policyCheck } from './doctor.ts';
import type { ConnectedHost } from './hosts.ts';
import type { BuildSettings } from './prepare.ts';

describe('the audit log', () => {
  it.each([
    ['journald', 'ok', 'journalctl -t ringside-agent'],
    ['syslog', 'ok', '/dev/log'],
    ['', 'warn', 'none is kept'],
  ])('%j', (log, status, detail) => {
    expect(auditCheck(log)).toMatchObject({ id: 'audit-log', status, detail: expect.stringContaining(detail) });
  });

  it('says what to do where none is kept', () => {
    expect(auditCheck('').remedy).toContain('journald or a syslog daemon');
  });
});

describe('the list of allowed objects', () => {
  it.each([
    [{ state: 'none' }, 'ok', 'any: '],
    [{ state: 'signed', objects: 1, signer: 'ops@example.com' }, 'ok', '1 object, on a list signed by ops@example.com'],
    [{ state: 'unsigned', objects: 12 }, 'ok', '12 objects, on a list that is unsigned'],
    [{ state: 'broken', fault: '/etc/ringside/allowed-objects.sig: missing' }, 'fail', 'allowed-objects.sig: missing'],
  ])('%j', (policy, status, detail) => {
    const check = policyCheck(create(ObjectPolicySchema, policy));
    expect(check).toMatchObject({ id: 'allowed-objects', status, detail: expect.stringContaining(detail) });
    expect(check.remedy !== '').toBe(status === 'fail');
  });

  it('is unknown where the agent says nothing of it', () => {
    expect(policyCheck(undefined).status).toBe('unknown');
  });
});

describe('a whole report', () => {
  const report = (readOnly: boolean) =>
    doctorReport(
      {
        name: 'web-1',
        readOnly,
        facts: create(HostFactsSchema),
        info: { name: 'web-1', capabilities: [] },
        agent: { request: () => Promise.resolve(create(FeaturesSchema)) },
      } as unknown as ConnectedHost,
      { compilerPath: '/nowhere/clang', log: silentLog } as unknown as BuildSettings,
      {},
    );

  it.each([false, true])('says of every check why it matters (read-only: %j)', async (readOnly) => {
    const { checks, host } = await report(readOnly);
    expect(checks.length).toBeGreaterThan(9);
    expect(checks.filter(({ why }) => why === '')).toEqual([]);
    expect(host.readOnly).toBe(readOnly);
  });
});
