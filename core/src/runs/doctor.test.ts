import { create, type MessageInitShape } from '@bufbuild/protobuf';
import { describe, expect, it } from 'vitest';
import {
  AttachFeatureSchema,
  FeaturesSchema,
  HostFactsSchema,
  ObjectPolicySchema,
} from '../agent/generated/agent_pb.ts';
import { silentLog } from '../log.ts';
import { doctorReport } from './doctor.ts';
import { deniedToRoot } from './doctorCheck.ts';
import { lsmCheck } from './doctorFeatures.ts';
import { auditCheck, lockdownCheck, perfEventsCheck, policyCheck, symbolsCheck } from './doctorHost.ts';
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
    expect(auditCheck('').remedy).toContain('syslogd');
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
        agent: {
          request: ({ case: which }: { case: string }) =>
            Promise.resolve(create(which === 'getHostFacts' ? HostFactsSchema : FeaturesSchema)),
        },
        transport: { run: () => Promise.resolve({ stdout: '' }) },
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

const rights = ['CAP_BPF', 'CAP_PERFMON', 'CAP_NET_ADMIN', 'CAP_SYS_ADMIN', 'CAP_SYSLOG'];
const root = { capabilities: rights, lsm: 'lockdown,bpf', btf: true, perfEventParanoid: '2', kptrRestrict: '1' };
const factsOf = (more: MessageInitShape<typeof HostFactsSchema> = {}) => create(HostFactsSchema, { ...root, ...more });
const tried = (kind: string, errno: number, reason = '') => create(AttachFeatureSchema, { kind, errno, reason });
const denied = 'the kernel refuses it to this user (privilege, lockdown or a security module): EPERM';

describe('lockdown', () => {
  it.each([
    ['none', 'lockdown,bpf', false, 'ok', 'none', ''],
    ['integrity', 'lockdown,bpf', false, 'ok', 'bpf_probe_write_user', ''],
    ['confidentiality', 'lockdown,bpf', false, 'fail', 'may not read', 'Boot without'],
    ['', 'capability,bpf', false, 'ok', 'not active', ''],
    ['', '', false, 'unknown', 'securityfs is not mounted', 'mount -t securityfs securityfs /sys/kernel/security'],
    ['', '', true, 'warn', 'keeps even root from', 'mount -t securityfs'],
    ['integrity', 'lockdown,bpf', true, 'warn', 'integrity; the kernel keeps even root', 'Boot without lockdown='],
  ])('%j of %j, tracing refused: %j', (lockdown, lsm, refused, status, detail, remedy) => {
    const check = lockdownCheck({ lockdown, lsm }, refused);
    expect(check).toMatchObject({ status, detail: expect.stringContaining(detail) });
    expect(check.remedy).toContain(remedy);
  });
});

describe("the kernel's symbols", () => {
  it.each([
    ['0', '1', [], 'ok'],
    ['0', '2', [], 'warn'],
    ['0', '2', ['CAP_SYSLOG'], 'ok'],
    ['1', '-1', [], 'warn'],
    ['1', '2', ['CAP_SYSLOG'], 'ok'],
    ['2', '2', ['CAP_SYSLOG'], 'warn'],
    ['', '2', ['CAP_SYSLOG'], 'unknown'],
  ])('kptr_restrict %j, perf_event_paranoid %j, %j', (kptrRestrict, perfEventParanoid, capabilities, status) => {
    expect(symbolsCheck({ kptrRestrict, perfEventParanoid, capabilities }).status).toBe(status);
  });
});

describe('perf events', () => {
  const some = { capabilities: ['CAP_BPF', 'CAP_PERFMON'] };
  it.each([
    ['3', root, [], 'ok', ''],
    ['2', some, [], 'ok', ''],
    ['3', some, [tried('tracepoint', 13)], 'warn', 'sysctl -w kernel.perf_event_paranoid=2'],
    ['3', some, [create(AttachFeatureSchema, { kind: 'tracepoint', ok: true })], 'ok', ''],
    ['2', { capabilities: [] }, [], 'warn', 'Connect as root'],
    ['', root, [], 'warn', 'CONFIG_PERF_EVENTS'],
  ])('perf_event_paranoid %j', (perfEventParanoid, who, features, status, remedy) => {
    const check = perfEventsCheck(factsOf({ ...who, perfEventParanoid }), features);
    expect([check.status, check.remedy.includes(remedy)]).toEqual([status, true]);
  });
});

describe('security hooks', () => {
  const works = create(AttachFeatureSchema, { kind: 'lsm', ok: true });
  it.each([
    [works, 'lockdown,bpf', 'ok', ''],
    [works, '', 'unknown', 'mount -t securityfs'],
    [tried('lsm', 0, 'bpf is not among …'), 'lockdown,yama', 'warn', '`lsm=lockdown,yama,bpf`'],
    [tried('lsm', 22, 'the kernel does not know this kind'), 'lockdown', 'warn', 'fentry'],
    [undefined, 'lockdown,bpf', 'unknown', ''],
  ])('%j with %j', (lsm, list, status, remedy) => {
    const fentry = create(AttachFeatureSchema, { kind: 'fentry', ok: true });
    const check = lsmCheck(lsm === undefined ? [] : [lsm, fentry], factsOf({ lsm: list }));
    expect([check.status, check.remedy.includes(remedy)]).toEqual([status, true]);
  });
});

describe('what the kernel refuses', () => {
  it('is not put down to the rights of a user who has them all', () => {
    expect(deniedToRoot(tried('fentry', 1, denied), [], factsOf())).toBe('the kernel refuses it even to root: EPERM');
    expect(deniedToRoot(tried('fentry', 1, denied), [], factsOf({ capabilities: [] }))).toBe(denied);
    expect(deniedToRoot(tried('fentry', 1, denied), [], factsOf({ userNamespace: true }))).toBe(denied);
  });

  it('is called unknown to the kernel where what is asked for is too big for it', () => {
    const reason = deniedToRoot(tried('iter.task', 7, 'cannot attach: Argument list too long'), [], factsOf());
    expect(reason).toBe('the kernel does not know this kind: Argument list too long');
  });

  it('is the same for extensions as for the trampolines that they need', () => {
    const all = [tried('fentry', 1, denied), tried('freplace', 22, 'the kernel does not know this kind')];
    expect(deniedToRoot(all[1]!, all, factsOf())).toBe('the kernel refuses it even to root: EPERM');
  });
});
