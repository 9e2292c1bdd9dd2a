/** The programs of test/fixtures/records: what sets each off, and what its records must say then. */
import { createSocket } from 'node:dgram';
import { chownSync, closeSync, openSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import type { Confidence, FieldValue } from '../../../core/src/model/index.ts';

/** What a field must hold: a value, or the value and the text that people see. */
export type Expected = FieldValue | Told;

export class Told {
  constructor(
    readonly value: FieldValue | ((value: FieldValue) => boolean),
    readonly text: string | RegExp | ((text: string) => boolean),
  ) {}
}

export interface ExpectedRow {
  /** Name of the record's type. */
  record: string;
  /** Every leaf of it, by its path. */
  fields: Record<string, Expected>;
}

/** [buffer, type, size, confidence] of one record type; type "" is bytes. */
export type Inferred = [map: string, type: string, size: number, confidence: Confidence];

export interface RecordProgram {
  name: string;
  /** Beside only_pid. */
  set?: (trigger: Trigger) => Record<string, string>;
  cgroup?: true;
  pull(trigger: Trigger): void | Promise<void>;
  /** Rows by stream, in their order. */
  rows(trigger: Trigger): Record<string, ExpectedRow[]>;
  /** What is known from the source, and from an object with DWARF. */
  types: Inferred[];
  /** What is known without DWARF. */
  stripped: Inferred[];
}

/** The process that sets programs off, and when it did. */
export class Trigger {
  readonly pid = process.pid;
  /** ns since the epoch. */
  before = 0n;
  after = 0n;
  udpPort = 0;
  udpFrom = 0;

  constructor(readonly folder: string) {}

  async pull(program: RecordProgram): Promise<void> {
    this.before = BigInt(Date.now()) * 1_000_000n;
    await program.pull(this);
    this.after = BigInt(Date.now() + 1) * 1_000_000n;
  }

  /** pwrite64 of these bytes. In memory a NUL comes after them: programs read them as strings, too. */
  write(bytes: string | Uint8Array, position = 4096): void {
    const file = openSync('/dev/null', 'w');
    const buffer = Buffer.concat([Buffer.from(bytes as Uint8Array), Buffer.alloc(1)]);
    writeSync(file, buffer, 0, buffer.length - 1, position);
    closeSync(file);
  }

  /** Two free ports of loopback: from the first to the second goes the packet. */
  async choosePorts(): Promise<void> {
    [this.udpFrom, this.udpPort] = [await freePort(), await freePort()];
  }

  async sendPacket(family: 'udp4' | 'udp6', to: string): Promise<void> {
    const socket = createSocket(family);
    await new Promise<void>((resolve) => socket.bind(this.udpFrom, to, resolve));
    await new Promise<void>((resolve, reject) =>
      socket.send('ringside', this.udpPort, to, (error) => (error ? reject(error) : resolve())),
    );
    await new Promise<void>((resolve) => socket.close(resolve));
  }

  /** A kernel clock's value that is shown as the time of the trigger. */
  readonly now = new Told(
    (value) => typeof value === 'number' || typeof value === 'string',
    (text) => {
      const at = /^(\d\d):(\d\d):(\d\d)\.(\d{3})$/.exec(text);
      if (!at) return false;
      const [hours, minutes, seconds, milliseconds] = at.slice(1).map(Number) as [number, number, number, number];
      const shown = ((hours * 60 + minutes) * 60 + seconds) * 1000 + milliseconds;
      const day = 86_400_000;
      const begin = new Date(Number(this.before / 1_000_000n));
      const from = begin.getTime() - new Date(begin).setHours(0, 0, 0, 0);
      // 50 ms: the kernel's clock and this process's are compared once a while only.
      return (shown - from + 50 + day) % day <= Number((this.after - this.before) / 1_000_000n) + 100;
    },
  );
}

async function freePort(): Promise<number> {
  const socket = createSocket('udp6');
  await new Promise<void>((resolve) => socket.bind(0, '::1', resolve));
  const { port } = socket.address();
  await new Promise<void>((resolve) => socket.close(resolve));
  return port;
}

const isKernelAddress = (value: FieldValue): boolean => typeof value === 'string' && /^0xffff/.test(value);
const hex = (text: string | Uint8Array): string => Buffer.from(text as string).toString('hex');
const one = (record: string, fields: Record<string, Expected>): ExpectedRow[] => [{ record, fields }];
const TEXT = 'hello ringside';
/** Every program that writes TEXT at 4096. */
const writes = (trigger: Trigger): void => trigger.write(TEXT);

const widths = Buffer.alloc(64);
widths.writeInt8(-128, 0);
widths.writeUInt8(255, 1);
widths.writeInt16LE(-32768, 2);
widths.writeUInt16LE(65535, 4);
widths.writeInt32LE(-2147483648, 8);
widths.writeUInt32LE(4294967295, 12);
widths.writeBigInt64LE(-9223372036854775808n, 16);
widths.writeBigUInt64LE(18446744073709551615n, 24);
widths.writeBigInt64LE(-42n, 32);
widths.writeBigUInt64LE(9007199254740993n, 40);
widths[48] = 1;
widths[50] = 'x'.charCodeAt(0);
widths.writeFloatLE(0.5, 52);
widths.writeDoubleLE(-2.25, 56);

const points = Buffer.alloc(16);
points.writeInt16LE(-1, 0);
points.writeInt16LE(2, 2);
points.write('ab', 4);
points.writeInt16LE(300, 8);
points.writeInt16LE(-400, 10);
points.write('cdef', 12);

const LONG = 'a line that is longer than a stack has room for '.repeat(6);
/** 40 bits low, 24 bits high, within what JavaScript writes exactly. */
const BITS = 0x12_3456_789a_bcde;

const someCpu = new Told((value) => Number(value) >= 0 && Number(value) < 1024, /^\d+$/);
const declaredTypes: RecordProgram['types'] = [
  ['events', 'struct event', 16, 'declared'],
  ['samples', 'struct call_sample', 16, 'declared'],
];

export const recordPrograms: RecordProgram[] = [
  {
    name: 'tagged',
    pull(t) {
      process.kill(t.pid, 0);
      writes(t);
    },
    rows: (t) => ({
      events: [
        {
          record: 'struct signalled',
          fields: { what: 'WHAT_SIGNAL', target: t.pid, signal: 0, sender: t.pid },
        },
        { record: 'struct written', fields: { what: 'WHAT_WRITE', length: 14, position: 4096 } },
      ],
    }),
    types: [
      ['events', 'struct signalled', 16, 'dwarf'],
      ['events', 'struct written', 16, 'dwarf'],
    ],
    stripped: [['events', '', 16, 'none']],
  },
  {
    name: 'sized',
    pull(t) {
      t.write('abc');
      t.write('abcdefgh', 77);
    },
    rows: () => ({
      events: [
        { record: 'struct small', fields: { length: 3 } },
        { record: 'struct large', fields: { position: 77, length: 8, text: 'abcdefgh' } },
      ],
    }),
    types: [
      ['events', 'struct small', 4, 'dwarf'],
      ['events', 'struct large', 24, 'dwarf'],
    ],
    stripped: [
      ['events', 'struct large', 24, 'size'],
      ['events', '', 4, 'none'],
    ],
  },
  {
    name: 'perf_types',
    pull(t) {
      t.write('abc', 7);
      t.write(TEXT, 8);
    },
    rows: () => ({
      events: [
        { record: 'struct short_write', fields: { 'h.position': 7, 'h.kind': 3, length: 3 } },
        { record: 'struct long_write', fields: { 'h.position': 8, 'h.kind': 4, length: 14, head: TEXT.slice(0, 12) } },
      ],
    }),
    types: [
      ['events', 'struct short_write', 24, 'dwarf'],
      ['events', 'struct long_write', 32, 'dwarf'],
    ],
    stripped: [['events', '', 0, 'none']],
  },
  {
    name: 'nested',
    pull: writes,
    rows: (t) => ({
      events: one('struct event', {
        'who.pid': t.pid,
        'who.task.comm': 'hello ri',
        'who.task.length': 14,
        'value.word': 0x20001,
        'value.pair.low': 1,
        'value.pair.high': 2,
        'value.raw': '01000200',
        position: 4096,
        position_low: 4096,
        position_high: 0,
        inner: -14,
      }),
    }),
    types: [['events', 'struct event', 48, 'dwarf']],
    stripped: [['events', '', 48, 'none']],
  },
  {
    name: 'bits',
    pull: (t) => t.write(TEXT, BITS),
    rows: () => ({
      events: one('struct event', {
        ready: 1,
        count: 14,
        delta: -14,
        level: 'LEVEL_HIGH',
        wide: BITS % 2 ** 16,
        low: BITS % 2 ** 40,
        high: Math.floor(BITS / 2 ** 40),
        small: -8,
        other: 9,
        last: true,
      }),
    }),
    types: [['events', 'struct event', 24, 'dwarf']],
    stripped: [['events', '', 24, 'none']],
  },
  {
    name: 'enums',
    pull: writes,
    rows: () => ({
      events: one('struct event', {
        verdict: 'VERDICT_DROP',
        unnamed: 14,
        big: 'BIG_TOP',
        access: new Told(5, 'ACCESS_READ|ACCESS_APPEND'),
        state: 'STATE_ON',
      }),
    }),
    types: [['events', 'struct event', 24, 'dwarf']],
    stripped: [['events', '', 24, 'none']],
  },
  {
    name: 'texts',
    pull: writes,
    rows: () => ({
      events: one('struct event', {
        comm: new Told((value) => typeof value === 'string' && value.length > 0 && value.length < 16, /^[\w .()/-]+$/),
        cut: 'hell',
        name: TEXT,
        digest: hex('hello ri'),
        letter: 'e',
        lines: ['hello r', 'llo rin'],
      }),
    }),
    types: [['events', 'struct event', 61, 'dwarf']],
    stripped: [['events', '', 61, 'none']],
  },
  {
    name: 'udp4',
    cgroup: true,
    set: (t) => ({ port: String(t.udpPort) }),
    pull: (t) => t.sendPacket('udp4', '127.0.0.1'),
    rows: (t) => ({
      events: one('struct event', {
        saddr: '127.0.0.1',
        daddr: '127.0.0.1',
        sport: t.udpFrom,
        dport: t.udpPort,
        lport: t.udpFrom,
        length: 16,
        protocol: 17,
      }),
    }),
    types: [['events', 'struct event', 20, 'dwarf']],
    stripped: [['events', '', 20, 'none']],
  },
  {
    name: 'udp6',
    cgroup: true,
    set: (t) => ({ port: String(t.udpPort) }),
    pull: (t) => t.sendPacket('udp6', '::1'),
    rows: (t) => ({
      events: one('struct event', {
        saddr: '::1',
        daddr: '::1',
        daddr_v6: '::1',
        'from.v4': '0.0.0.0',
        'from.v6': '::1',
        dport: t.udpPort,
      }),
    }),
    types: [['events', 'struct event', 68, 'dwarf']],
    stripped: [['events', '', 68, 'none']],
  },
  {
    name: 'clocks',
    pull: writes,
    rows: (t) => ({
      events: one('struct event', {
        ts: t.now,
        boot_time: t.now,
        tai_ts: t.now,
        start_ns: t.now,
        delta_ns: 4096,
        latency_us: 14,
        wait_ms: 28,
        elapsed: 8192,
        age_secs: 90,
      }),
    }),
    types: [['events', 'struct event', 64, 'dwarf']],
    stripped: [['events', '', 64, 'none']],
  },
  {
    name: 'users',
    pull(t) {
      const file = join(t.folder, 'given');
      writeFileSync(file, '');
      chownSync(file, 65534, 65534);
      rmSync(file);
    },
    rows: () => ({
      events: one('struct event', {
        uid: new Told(0, '0 (root)'),
        gid: new Told(0, '0 (root)'),
        new_uid: new Told(65534, '65534 (nobody)'),
        new_gid: new Told(65534, '65534 (nogroup)'),
      }),
    }),
    types: [['events', 'struct event', 16, 'dwarf']],
    stripped: [['events', '', 16, 'none']],
  },
  {
    name: 'devices',
    pull: writes,
    rows() {
      const { dev, ino } = statSync('.', { bigint: true });
      const major = Number((dev >> 8n) & 0xfffn);
      const minor = Number((dev & 0xffn) | ((dev >> 12n) & 0xfff00n));
      const device = new Told(major * 2 ** 20 + minor, `${major}:${minor}`);
      return { events: one('struct event', { dev: device, s_dev: device, inode: Number(ino) }) };
    },
    types: [['events', 'struct event', 16, 'dwarf']],
    stripped: [['events', '', 16, 'none']],
  },
  {
    name: 'symbols',
    pull: writes,
    rows: () => ({
      events: one('struct event', {
        function: new Told(isKernelAddress, 'schedule'),
        other: new Told(isKernelAddress, 'do_exit'),
        ip: new Told((value) => BigInt(value as string) > 0xffff000000000000n, 'schedule+0x4'),
        length: 14,
      }),
    }),
    types: [['events', 'struct event', 32, 'dwarf']],
    stripped: [['events', '', 32, 'none']],
  },
  {
    name: 'stacks',
    pull: writes,
    rows: () => ({
      events: one('struct event', {
        kern_stack_id: new Told((value) => Number(value) >= 0, /x64_sys_pwrite64|do_syscall_64/),
        stack_size: new Told((value) => Number(value) > 0 && Number(value) % 8 === 0, /^\d+$/),
        kstack: new Told((value) => Array.isArray(value) && value.length === 16, /do_syscall_64|entry_SYSCALL_64/),
      }),
    }),
    types: [['events', 'struct event', 136, 'dwarf']],
    stripped: [['events', '', 136, 'none']],
  },
  {
    name: 'flag_words',
    pull(t) {
      const file = join(t.folder, 'made');
      closeSync(openSync(file, 'wx', 0o640));
      rmSync(file);
    },
    rows: () => ({
      events: one('struct event', {
        open_flags: new Told(0o2001301, 'O_WRONLY|O_CREAT|O_EXCL|O_TRUNC|O_CLOEXEC'),
        mode: new Told(0o640, '0640'),
        prot: new Told(5, 'PROT_READ|PROT_EXEC'),
        tcp_flags: new Told(0x12, 'SYN|ACK'),
        clone_flags: new Told(0x10100, 'CLONE_VM|CLONE_THREAD'),
        flags: new Told(0x41, '0x41'),
      }),
    }),
    types: [['events', 'struct event', 32, 'dwarf']],
    stripped: [['events', '', 32, 'none']],
  },
  {
    name: 'ring_tail',
    pull(t) {
      t.write('ab');
      t.write(TEXT);
    },
    rows: (t) => ({
      events: ['ab', TEXT].map((text) => ({
        record: 'struct event',
        fields: { pid: t.pid, length: text.length, text },
      })),
    }),
    types: [['events', 'struct event', 72, 'dwarf']],
    stripped: [['events', 'struct event', 72, 'declared']],
  },
  {
    name: 'perf_tail',
    pull(t) {
      t.write('ab');
      t.write(TEXT);
    },
    // A perf buffer pads a sample to 8 bytes less 4, and nothing but the record itself says where it ends.
    rows: (t) => ({
      events: ['ab', TEXT].map((text) => ({
        record: 'struct event',
        fields: {
          pid: t.pid,
          length: text.length,
          data: new Told(
            (value) => typeof value === 'string' && value.startsWith(hex(text)),
            new RegExp(`^${hex(text)}`),
          ),
        },
      })),
    }),
    types: [['events', 'struct event', 8, 'dwarf']],
    stripped: [['events', 'struct room', 72, 'declared']],
  },
  {
    name: 'perf_padding',
    pull: writes,
    rows: () => ({ events: one('struct event', { length: 14, text: 'hello rin' }) }),
    types: [['events', 'struct event', 13, 'dwarf']],
    stripped: [['events', '', 13, 'none']],
  },
  {
    name: 'widths',
    pull: (t) => t.write(widths),
    rows: () => ({
      events: one('struct event', {
        s8: -128,
        u8: 255,
        s16: -32768,
        u16: 65535,
        s32: -2147483648,
        u32: 4294967295,
        s64: '-9223372036854775808',
        u64: '18446744073709551615',
        signed_long: -42,
        unsigned_long: '9007199254740993',
        yes: true,
        no: false,
        letter: 'x',
        single: 0.5,
        twice: -2.25,
      }),
    }),
    types: [['events', 'struct event', 64, 'dwarf']],
    stripped: [['events', '', 64, 'none']],
  },
  {
    name: 'arrays',
    pull: (t) => t.write(points),
    rows: () => ({
      events: one('struct event', {
        used: 2,
        points: [
          { x: -1, y: 2, name: 'ab' },
          { x: 300, y: -400, name: 'cdef' },
          { x: 0, y: 0, name: '' },
        ],
        table: [
          [16, 17, 18],
          [19, 20, 21],
        ],
        pointers: new Told(
          (value) => Array.isArray(value) && /^0x[0-9a-f]{6,}$/.test(value[0] as string) && value[1] === '0x0',
          /^\[0x[0-9a-f]{6,}, 0x0\]$/,
        ),
        marks: [false, true, false, false],
      }),
    }),
    types: [['events', 'struct event', 64, 'dwarf']],
    stripped: [['events', '', 64, 'none']],
  },
  {
    name: 'packed',
    pull: (t) => t.write(TEXT, 2 ** 40),
    rows: () => ({
      events: one('struct event', {
        kind: 200,
        length: 14,
        position: 2 ** 40,
        port: 8080,
        'inner.a': 1,
        'inner.b': 2 ** 40,
        end: '!',
      }),
    }),
    types: [['events', 'struct event', 25, 'dwarf']],
    stripped: [['events', '', 25, 'none']],
  },
  {
    name: 'scratch_ring',
    pull: (t) => t.write(`${LONG}\0`),
    rows: (t) => ({
      events: one('struct big_event', { pid: t.pid, length: LONG.length + 1, head: LONG, position: 4096 }),
    }),
    types: [['events', 'struct big_event', 528, 'dwarf']],
    stripped: [['events', 'struct big_event', 528, 'declared']],
  },
  {
    name: 'scratch_perf',
    pull: (t) => t.write(`${LONG}\0`),
    rows: () => ({ events: one('struct big_event', { position: 4096, head: LONG, length: LONG.length + 1 }) }),
    types: [['events', 'struct big_event', 616, 'declared']],
    stripped: [['events', 'struct big_event', 616, 'declared']],
  },
  {
    name: 'dynptr',
    pull: (t) => t.write(`${TEXT}\0`),
    rows: (t) => ({
      events: one('struct event', { position: 4096, length: 15, pid: t.pid }),
      lines: one('struct line', { length: 15, text: TEXT }),
    }),
    types: [
      ['events', 'struct event', 16, 'dwarf'],
      ['lines', 'struct line', 32, 'dwarf'],
    ],
    stripped: [
      ['events', '', 16, 'none'],
      ['lines', '', 32, 'none'],
    ],
  },
  {
    name: 'subprograms',
    pull: writes,
    rows: (t) => ({
      starts: one('struct start', { pid: t.pid, length: 14 }),
      ends: one('struct end', { position: 4096, length: 14, pid: t.pid }),
    }),
    types: [
      ['ends', 'struct end', 16, 'dwarf'],
      ['starts', 'struct start', 8, 'dwarf'],
    ],
    stripped: [
      ['ends', '', 16, 'none'],
      ['starts', '', 8, 'none'],
    ],
  },
  {
    name: 'typedefs',
    pull: writes,
    rows: () => ({
      records: one('record_t', { length: 14, sign: -1 }),
      wides: one('wide_t', { 'record.length': 14, 'record.sign': -2, position: 4096 }),
    }),
    types: [
      ['wides', 'wide_t', 16, 'dwarf'],
      ['records', 'record_t', 8, 'dwarf'],
    ],
    stripped: [
      ['wides', '', 16, 'none'],
      ['records', '', 8, 'none'],
    ],
  },
  {
    name: 'by_pointer',
    pull: (t) => t.write(`${TEXT}\0`),
    rows: (t) => ({
      events: [
        { record: 'struct counted', fields: { position: 4096, length: 15, number: 7 } },
        { record: 'struct named', fields: { name: TEXT, length: 15, pid: t.pid } },
      ],
    }),
    types: [
      ['events', 'struct counted', 16, 'dwarf'],
      ['events', 'struct named', 24, 'dwarf'],
    ],
    stripped: [['events', '', 0, 'none']],
  },
  {
    name: 'only_bytes',
    pull: (t) => t.write('0123456789abcdefghijklmn'),
    rows: () => ({ events: one('', { bytes: hex('0123456789abcdefghijklmn') }) }),
    types: [['events', '', 24, 'none']],
    stripped: [['events', '', 24, 'none']],
  },
  {
    name: 'declared',
    pull: writes,
    rows: () => ({
      events: one('struct event', {
        position: 4096,
        length: 14,
        cpu: someCpu,
      }),
      samples: one('struct call_sample', { length: 14, cpu: someCpu, position: 4096 }),
    }),
    types: declaredTypes,
    stripped: declaredTypes,
  },
];
