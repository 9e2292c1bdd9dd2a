/** `ringside test`: programs of several kinds run by BPF_PROG_TEST_RUN on this machine, right and wrong expectations. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { TestReport } from '../../core/src/model/index.ts';
import { bpfState, nothing, settled } from './support/bpf.ts';
import { cliRun, removeCache } from './support/cli.ts';

let folder: string;
let before: ReturnType<typeof bpfState>;
beforeAll(() => {
  before = bpfState();
  folder = mkdtempSync(join(tmpdir(), 'ringside-testrun-'));
  writeFileSync(join(folder, 't.bpf.c'), source);
});
afterAll(async () => {
  removeCache();
  rmSync(folder, { recursive: true });
  expect(await settled(before, 5_000)).toEqual(nothing);
});

const source = `
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
char LICENSE[] SEC("license") = "GPL";

struct seen { __u32 len; __u32 mark; char what[8]; };
struct { __uint(type, BPF_MAP_TYPE_RINGBUF); __uint(max_entries, 4096); } events SEC(".maps");
struct { __uint(type, BPF_MAP_TYPE_HASH); __uint(max_entries, 16); __type(key, __be32); __type(value, __u32); } blocked SEC(".maps");
const volatile __u32 limit = 100;
__u64 total;
struct pair { __u32 a; __u32 b; } pairs[2];

SEC("xdp") int forward(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = data + sizeof(struct ethhdr);
	__be32 from;

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	from = ip->saddr;
	if (bpf_map_lookup_elem(&blocked, &from))
		return XDP_DROP;
	ip->ttl--;
	total += end - data;
	bpf_printk("ttl is %d", ip->ttl);
	return XDP_PASS;
}

SEC("tc") int mark(struct __sk_buff *skb)
{
	struct seen *seen;

	pairs[1].b = limit;
	if (skb->len > limit)
		return 2;
	seen = bpf_ringbuf_reserve(&events, sizeof(*seen), 0);
	if (seen) {
		seen->len = skb->len;
		seen->mark = skb->mark;
		__builtin_memcpy(seen->what, "packet\\0", 8);
		bpf_ringbuf_submit(seen, 0);
	}
	skb->mark = 7;
	return 0;
}

SEC("socket") int length(struct __sk_buff *skb) { return skb->len; }
SEC("syscall") int call(struct pair *p) { p->b = p->a + 1; return 3; }
SEC("raw_tp/sys_enter") int raw(struct bpf_raw_tracepoint_args *ctx) { return ctx->args[1]; }
SEC("tracepoint/syscalls/sys_enter_openat") int never(void *ctx) { return 0; }
`;

async function run(tests: object[], ...options: string[]): Promise<{ code: number | null; report: TestReport }> {
  writeFileSync(join(folder, 't.bpf.test.json'), JSON.stringify({ tests }));
  const { code, json } = await cliRun(['test', join(folder, 't.bpf.c'), '--host', 'local', '--json', ...options]);
  return { code, report: json.at(-1) as TestReport };
}

it('programs of every kind that can be run do what their tests say', async () => {
  const udp = (payload: string): string => `eth/ip/udp/'${payload}'`;
  const { code, report } = await run([
    {
      ...{ name: 'packet', program: 'forward', packet: "eth/ip(ttl=9)/udp/'x'" },
      expect: {
        ...{ return: 'XDP_PASS', fields: { 'ip.ttl': 8 }, bytes: { 22: '08' }, globals: { total: 43 } },
        ...{ prints: ['ttl is 8'], maps: { blocked: [{ key: '10.0.0.1', absent: true }] } },
      },
    },
    {
      ...{ name: 'map before', program: 'forward', packet: 'eth/ip(src=10.0.0.1)/udp' },
      maps: { blocked: [{ key: '10.0.0.1', value: 1 }] },
      expect: { return: 'XDP_DROP', packet: 'eth/ip(src=10.0.0.1)/udp' },
    },
    {
      name: 'xdp context',
      program: 'forward',
      packet: udp(''),
      context: { ingress_ifindex: 1 },
      expect: { return: 2 },
    },
    {
      ...{ name: 'context, global and record', program: 'mark', packet: udp('0123456789') },
      ...{ context: { mark: 5 }, globals: { limit: 60 } },
      expect: {
        ...{ return: 'TC_ACT_OK', context: { mark: 7 }, globals: { pairs: [{ a: 0 }, { b: 60 }] } },
        records: { events: [{ len: 52, mark: 5, what: 'packet' }] },
      },
    },
    { name: 'socket filter', program: 'length', packet: udp(''), repeat: 100, expect: { return: 28 } },
    { name: 'syscall', program: 'call', context: { a: 41 }, expect: { return: 3, context: { b: 42 } } },
    { name: 'raw tracepoint', program: 'raw', context: [1, '99'], expect: { return: 99 } },
  ]);
  expect(report.tests.map(({ name, differences, error }) => [name, differences, error])).toEqual(
    report.tests.map(({ name }) => [name, [], null]),
  );
  expect(report).toMatchObject({ ok: true, host: 'local', passed: 7, failed: 0, errors: 0 });
  expect(report.tests[0]).toMatchObject({ returned: { value: 2, name: 'XDP_PASS' }, prints: ['ttl is 8'] });
  expect(report.tests[3]!.records).toEqual({ events: [{ len: 52, mark: 5, what: 'packet' }] });
  expect(code).toBe(0);
});

it('what is not as expected is told field by field, and what cannot be run with its reason', async () => {
  const { code, report } = await run([
    {
      ...{ name: 'wrong', program: 'forward', packet: "eth/ip(ttl=9)/udp/'x'" },
      expect: {
        ...{ return: 'XDP_DROP', packet: "eth/ip(ttl=9)/udp/'y'", fields: { 'tcp.dport': 1 } },
        ...{ globals: { total: 44 }, prints: ['ttl is 7'], records: { events: [{ len: 1 }] } },
      },
    },
    { name: 'no such kind', program: 'never' },
    { name: 'no such variable', program: 'forward', packet: 'eth/ip', globals: { lmit: 1 } },
    { name: 'no such layer', program: 'forward', packet: 'eth/ipx' },
  ]);
  expect(code).toBe(1);
  expect(report.tests[0]!.differences.map(({ path, expected, actual }) => `${path}: ${expected} / ${actual}`)).toEqual([
    'return: 1 (XDP_DROP) / 2 (XDP_PASS)',
    'ipv4.ttl: 9 / 8',
    'bytes[42]: 79 / 78',
    'tcp.dport: 1 / no such field in eth / ipv4 / udp',
    'total: 44 / 43',
    'events: 1 record / 0 records',
    'bpf_printk: "ttl is 7" / "ttl is 8"',
  ]);
  expect(report.tests.slice(1).map(({ error }) => error?.code)).toEqual([
    'unsupported-by-kernel',
    'unknown-variable',
    'packet-malformed',
  ]);
});

it('says by its exit code what the host cannot run, what does not build, and that there are no tests', async () => {
  const unsupported = await run([{ name: 'no such kind', program: 'never' }]);
  expect(unsupported.code).toBe(4);
  expect(unsupported.report.tests[0]!.error?.remedy).toMatch(/xdp, tc, socket/);
  writeFileSync(join(folder, 'broken.bpf.c'), 'int x');
  writeFileSync(join(folder, 'broken.bpf.test.json'), '{"tests":[]}');
  expect((await cliRun(['test', join(folder, 'broken.bpf.c'), '--host', 'local', '--json'])).code).toBe(5);
  rmSync(join(folder, 'broken.bpf.test.json'));
  const missing = await cliRun(['test', join(folder, 'broken.bpf.c'), '--host', 'local']);
  expect([missing.code, missing.stderr]).toEqual([2, expect.stringContaining('broken.bpf.test.json cannot be read')]);
});

it("the gallery's tests pass", async () => {
  const { code, json } = await cliRun(['test', 'bpf-snippets/xdpcount/xdpcount.bpf.c', '--host', 'local', '--json']);
  expect(json.at(-1)).toMatchObject({ ok: true, passed: 3 });
  expect(code).toBe(0);
});

it('tells which lines ran and which the verifier walked, and the copy with marks does what the object does', async () => {
  const lineOf = (text: string): number => source.split('\n').findIndex((line) => line.includes(text)) + 1;
  const passes = {
    name: 'passes',
    program: 'forward',
    packet: "eth/ip(ttl=9)/udp/'x'",
    expect: { return: 'XDP_PASS' },
  };
  const short = { name: 'short', program: 'forward', packet: "eth/'x'", expect: { return: 'XDP_ABORTED' } };
  const ran = async (...tests: object[]) => {
    const { code, report } = await run(tests, '--coverage');
    expect(code).toBe(0);
    const { coverage } = report;
    expect(coverage!.unfollowed).toEqual([]);
    const file = join(folder, 't.bpf.c');
    const walked = coverage!.walked.files.find((one) => one.file === file)!.lines;
    expect(walked.find(({ line }) => line === lineOf('ip->ttl--'))!.walked).toBeGreaterThan(0);
    const lines = coverage!.ran.find((one) => one.file === file)!.lines;
    return (text: string) => (lines.find(({ line }) => line === lineOf(text))?.ran ?? -1) > 0;
  };
  const whole = await ran(passes);
  expect([whole('from = ip->saddr'), whole('ip->ttl--'), whole('total += end')]).toEqual([true, true, true]);
  expect(whole('skb->mark = 7')).toBe(false);
  const refused = await ran(short);
  expect([refused('if ((void *)(ip + 1) > end)'), refused('ip->ttl--')]).toEqual([true, false]);
});
