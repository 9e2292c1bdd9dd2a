import { describe, expect, it } from 'vitest';
import type { RecordField } from '../model/index.ts';
import { inspectObject } from './inspect.ts';
import { BpfObject } from './object.ts';
import { recordChoices, recordOfType } from './recordChoice.ts';
import { goldenObject } from './testObjects.ts';

const records = (name: string) => inspectObject(goldenObject(name)).records;
const shown = (name: string) => records(name).map((r) => [r.map, r.type, r.size, r.confidence]);
/** "name type@offset/size kind format", with bits as :width+offset. */
function line(field: RecordField): string {
  const bits = field.bits > 0 ? `:${field.bits}+${field.bitOffset ?? 0}` : '';
  return `${field.name} ${field.type}@${field.offset}${bits}/${field.size} ${field.kind} ${field.format}${field.bigEndian ? ' be' : ''}`;
}
const lines = (name: string, index = 0) => records(name)[index]!.fields.map(line);

describe('record types', () => {
  it('comes from the local variable that is reserved', () => {
    expect(shown('exec.dwarf.bpf')).toEqual([['events', 'struct event', 160, 'dwarf']]);
    expect(lines('exec.dwarf.bpf')).toEqual([
      'pid pid_t@0/4 int plain',
      'ppid pid_t@4/4 int plain',
      'uid __u32@8/4 uint uid',
      'retval int@12/4 int errno',
      'is_exit bool@16/1 bool plain',
      'comm char[16]@17/16 chars plain',
      'filename char[127]@33/127 chars plain',
    ]);
  });

  it.each(['exit.dwarf.bpf', 'exit.dwarf4.bpf'])(
    'comes from the variable that is output, with bit fields and nesting (%s)',
    (name) => {
      expect(shown(name)).toEqual([['exits', 'struct exit_event', 96, 'dwarf']]);
      expect(lines(name)).toEqual([
        'ts __u64@0/8 uint ktime',
        'who struct who@8/24 struct plain',
        'exit_code __u32@32:8+0/4 uint plain',
        'signal __u32@32:7+8/4 uint signal',
        'core __u32@32:1+15/4 uint plain',
        'nice __s32@32:6+16/4 int plain',
        'reason enum reason@36/4 enum plain',
        'extra union {…}@40/8 union plain',
        'a __s16@48/2 int plain',
        'b __u16@50/2 uint plain',
        'runtime_ns __u64@56/8 uint ns',
        'rss_bytes __u64@64/8 uint bytes',
        'task void *@72/8 pointer hex',
        'args __u32[3]@80/12 array plain',
        'load float@92/4 float plain',
      ]);
      const fields = records(name)[0]!.fields;
      expect(fields[1]!.fields!.map(line)).toEqual([
        'pid __u32@8/4 uint plain',
        'tid __u32@12/4 uint plain',
        'comm char[16]@16/16 chars plain',
      ]);
      expect(fields[6]!.values).toEqual({ '0': 'REASON_EXIT', '1': 'REASON_SIGNAL', '10': 'REASON_CORE' });
      expect(fields[7]!.fields![1]!.fields!.map(line)).toEqual([
        'low __u32@40/4 uint plain',
        'high __u32@44/4 uint plain',
      ]);
    },
  );

  it('comes from a perf buffer too', () => {
    expect(shown('open.dwarf.bpf')).toEqual([['opens', 'struct open_event', 96, 'dwarf']]);
    expect(lines('open.dwarf.bpf')).toContain('latency_ns __u64@8/8 uint ns');
    expect(lines('open.dwarf.bpf')).toContain('ret int@20/4 int errno');
  });

  it('is declared by the ring itself; ports and addresses are in network order', () => {
    expect(shown('tcp.bpf')).toEqual([['tcp_events', 'struct tcp_event', 64, 'declared']]);
    expect(lines('tcp.bpf')).toEqual([
      'ts_us __u64@0/8 uint us',
      'pid __u32@8/4 uint plain',
      'family __u16@12/2 uint plain',
      'lport __u16@14/2 uint port',
      'dport __be16@16/2 uint port be',
      'state __u8@18/1 uint plain',
      'saddr_v4 __be32@20/4 ipv4 plain be',
      'saddr_v6 __u8[16]@20/16 ipv6 plain be',
      'daddr_v4 __be32@36/4 ipv4 plain be',
      'daddr_v6 struct in6_addr@36/16 ipv6 plain be',
      'rx_bytes __u64@56/8 uint bytes',
    ]);
  });

  it('is found behind reserve and output wrappers, inlined or not', () => {
    expect(shown('wrappers.dwarf.bpf')).toEqual([
      ['ring', 'struct read_event', 24, 'dwarf'],
      ['tails', 'struct tail_event', 8, 'dwarf'],
      ['perf', 'struct heap_event', 1032, 'dwarf'],
    ]);
    expect(lines('wrappers.dwarf.bpf', 1).at(-1)).toBe('data __u8[0]@8/0 bytes hex');
  });

  it('is that of the map whose value is sent, even without DWARF', () => {
    expect(shown('wrappers.bpf')[2]).toEqual(['perf', 'struct heap_event', 1032, 'declared']);
  });

  it('tells several types in one ring apart by size and by tag', () => {
    expect(records('tagged.dwarf.bpf').map((r) => [r.map, r.type, r.size, r.tag])).toEqual([
      ['tagged', 'struct open_rec', 16, { field: 'h.kind', value: 1 }],
      ['tagged', 'struct close_rec', 16, { field: 'h.kind', value: 2 }],
      ['sized', 'struct small_rec', 4, null],
      ['sized', 'struct big_rec', 24, null],
    ]);
  });

  it('follows user rings, reserve functions of their own and global variables', () => {
    expect(shown('rings.dwarf.bpf')).toEqual([
      ['commands', 'struct command', 16, 'dwarf'],
      ['globals', 'struct scratch', 48, 'declared'],
      ['kept', 'struct kept_event', 32, 'size'],
      ['answers', 'struct answer', 16, 'dwarf'],
    ]);
  });

  it('is no more than a guess where only the size speaks for it', () => {
    expect(shown('rings.bpf')).toEqual([
      ['commands', 'struct answer', 16, 'guess'],
      ['globals', 'struct scratch', 48, 'declared'],
      ['kept', 'struct kept_event', 32, 'size'],
      ['answers', 'struct answer', 16, 'size'],
    ]);
  });

  it('is found on each way to a call that the compiler made of two, and behind a dynptr', () => {
    expect(records('ways.dwarf.bpf').map((r) => [r.map, r.type, r.size, r.confidence, r.tag])).toEqual([
      ['ways', 'struct short_rec', 16, 'dwarf', { field: 'kind', value: 3 }],
      ['ways', 'struct long_rec', 24, 'dwarf', { field: 'kind', value: 4 }],
      ['made', 'struct made_rec', 32, 'dwarf', null],
      ['written', 'struct written_rec', 16, 'dwarf', null],
    ]);
  });

  it('has the meaning of what its fields are filled with, whatever they are called', () => {
    expect(lines('ways.dwarf.bpf', 2)).toEqual([
      'first __u64@0/8 uint ktime',
      'copied __u64@8/8 uint ktime',
      'owner __u32@16/4 uint uid',
      'owners __u32@20/4 uint gid',
      'where __s32@24/4 int stack',
      'user_where __s32@28/4 int stack',
    ]);
    const [where, userWhere] = records('ways.dwarf.bpf')[2]!.fields.slice(4);
    expect([where!.map, where!.userStack, userWhere!.map, userWhere!.userStack]).toEqual([
      ...['traces', undefined, 'traces', true],
    ]);
  });

  it('can be chosen among the types that the object knows', () => {
    const object = BpfObject.parse(goldenObject('exec.dwarf.bpf'));
    expect(recordChoices(object, 160)).toEqual([{ type: 'struct event', size: 160 }]);
    expect(recordOfType(object, 'events', 'struct event')).toMatchObject({
      size: 160,
      fields: records('exec.dwarf.bpf')[0]!.fields,
    });
    expect(recordOfType(object, 'events', 'struct nothing')).toBeNull();
    expect(recordChoices(BpfObject.parse(goldenObject('exec.bpf')), 160)).toEqual([]);
  });

  it('is unknown, but of known size, where nothing tells', () => {
    expect(shown('exec.bpf')).toEqual([['events', '', 160, 'none']]);
    expect(inspectObject(goldenObject('exec.dwarf.bpf'), { dwarf: false }).records).toEqual(records('exec.bpf'));
  });
});
