import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { ExploreQuery } from '../../model/index.ts';
import { namedState, parseRegister, parseStackSlot, parseVerifierLog, pathTo, stateBefore } from '../log/index.ts';
import { parseVerifierLog as parse, verdictFromAgent } from '../index.ts';
import { rejectedFolder } from '../testGolden.ts';
import { align, instructionKey } from './compare.ts';
import { Exploration } from './exploration.ts';
import { Explorations } from './explorations.ts';
import { partsOfLog } from './logFile.ts';
import { Route, Stretches } from './paths.ts';
import { parseRecord, writeRecord, type VerificationRecord } from './record.ts';
import { matcherOf } from './search.ts';
import { StateCache } from './stateCache.ts';
import { slotTerm, termOf } from './terms.ts';
import { longLog } from './testLogs.ts';
import { effectsOf } from './writes.ts';

const names = readdirSync(rejectedFolder)
  .filter((f) => f.endsWith('.log'))
  .map((f) => f.slice(0, -4));
const path = (name: string) => join(rejectedFolder, name);

let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), 'ringside-explore-'))));
afterAll(() => rmSync(folder, { recursive: true }));

/** A rejected program of the fixtures as it is after a verification. */
function recorded(name: string): Exploration {
  const text = readFileSync(path(`${name}.log`), 'utf8');
  const [head, program, section] = /^==== \S+ (\S+) \((.*)\): (\w+)\n/.exec(text)!;
  const object = readFileSync(path(`${name}.o`));
  const sources = { [`${name}.bpf.c`]: readFileSync(path(`${name}.bpf.c`), 'utf8') };
  const agent = { name: program!, section: section!, verdict: 'rejected', error: null, log: text.slice(head.length) };
  const verdict = verdictFromAgent(
    { ...agent, instructions: 0, verifyMicros: 0, libbpfLog: '' },
    object,
    (file) => sources[file] ?? null,
  );
  const record: VerificationRecord = {
    ...{ file: path(`${name}.bpf.c`), host: 'local', kernel: '6.18', at: 1, sha256: '', object, sources },
    ...{ programs: [verdict], attempt: 0 },
  };
  const part = { program: program!, section: section!, verdict: 'rejected' as const };
  return new Exploration(parse(agent.log), part, record);
}

const bare = (log: string): Exploration =>
  new Exploration(parseVerifierLog(log), { program: '', section: '', verdict: 'unknown' }, null);

describe('every recorded rejection', () => {
  it.each(names)('%s is walked from its first step to the one that failed, in the file that was verified', (name) => {
    const explored = recorded(name);
    const info = explored.info(1, []);
    expect(info.reason?.category).not.toBe('unknown');
    if (info.end < 0) return;
    const way = explored.path(info.end, -1);
    expect(way.index).toBe(way.length - 1);
    const rows = explored.rows(way.leaf, 0, 100);
    // A global function is verified by itself.
    expect(rows[0]!.insn).toBe(name === 'global-function-null' ? 13 : 0);
    expect(rows.every((row) => row.line > 0)).toBe(true);
    const state = explored.state(info.end)!;
    expect(state.frames[0]!.registers.length).toBeGreaterThan(0);
    const source = explored.source(state.file);
    expect(source.text).not.toBeNull();
    expect(source.heat.some(({ line }) => line === state.line)).toBe(true);
  });

  it('has the names of maps in place of their addresses', () => {
    const explored = recorded('argument-not-pointer');
    const texts = explored.rows(explored.end, 0, 100).map(({ text }) => text);
    expect(texts).toContain('(18) r1 = map[counts]');
  });

  it('names what registers hold, in C', () => {
    const all = names.flatMap((name) => {
      const explored = recorded(name);
      return explored.end < 0 ? [] : explored.state(explored.end)!.frames.flatMap((f) => [...f.registers, ...f.stack]);
    });
    const named = all.filter(({ variable }) => variable !== '');
    expect(named.length).toBeGreaterThan(30);
    expect(named.some(({ name, type }) => name.startsWith('r') && type.includes('*'))).toBe(true);
  });
});

describe('states', () => {
  it('are what replaying the whole path gives, in whatever order they are asked for', () => {
    for (const log of [longLog(600), readFileSync(path('callback-null.log'), 'utf8')]) {
      const parsed = parseVerifierLog(log);
      fc.assert(
        fc.property(fc.array(fc.nat(parsed.stepCount - 1), { maxLength: 12 }), (steps) => {
          const explored = new Exploration(parsed, { program: '', section: '', verdict: 'unknown' }, null);
          for (const step of steps) {
            const whole = stateBefore(parsed, step);
            const seen = explored.state(step)!;
            expect(seen.frames.map((f) => f.registers.map(({ name, raw }) => [name, raw])).reverse()).toEqual(
              whole.frames.map((f) => [...f.registers].sort((a, b) => a[0] - b[0]).map(([r, raw]) => [`r${r}`, raw])),
            );
            expect(seen.references).toEqual(whole.references);
          }
        }),
        { numRuns: 30 },
      );
    }
  });

  it('are the same while the log is read ahead, and near to any step when it has been', () => {
    const parsed = parseVerifierLog(longLog(4_000));
    const stretches = new Stretches(parsed);
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(parsed.stepCount - 1), fc.nat(4)), { maxLength: 12 }), (asked) => {
        const states = new StateCache(parsed, stretches);
        const ahead = states.readAhead();
        for (const [step, further] of asked) {
          for (let i = 0; i < further; i++) ahead.next();
          for (const stop of states.stops(step)) states.before(stop);
          expect(namedState(states.before(step))).toEqual(namedState(stateBefore(parsed, step)));
        }
        while (ahead.next().done !== true);
        expect(parsed.stepCount).toBeGreaterThan(2_000);
        for (let step = 0; step < parsed.stepCount; step += 97) expect(states.stops(step)).toEqual([]);
      }),
      { numRuns: 20 },
    );
  });

  it('say what the step before has written', () => {
    const explored = bare(longLog(100));
    const changed = explored.state(1)!.frames[0]!.registers.filter((term) => term.changed);
    expect(changed.map(({ name }) => name)).toEqual(['r6']);
  });
});

describe('paths', () => {
  it('of a step lead there as the log says', () => {
    const parsed = parseVerifierLog(longLog(500));
    const stretches = new Stretches(parsed);
    expect(stretches.length).toBeGreaterThan(10);
    for (let step = 0; step < parsed.stepCount; step += 7) {
      const route = new Route(stretches, step);
      const way = pathTo(parsed, step);
      expect(route.length).toBe(way.length);
      expect(way.map((_, i) => route.stepAt(i))).toEqual(way);
      expect(route.indexOf(step)).toBe(way.length - 1);
      expect([route.stepAt(-1), route.stepAt(way.length)]).toEqual([-1, -1]);
    }
  });

  it('go on as they went when a step in their middle is asked for, and keep a path that the step is on', () => {
    const explored = bare(longLog(500));
    const end = explored.path(explored.end, -1);
    expect(explored.path(3, end.leaf)).toMatchObject({ leaf: end.leaf, index: 3 });
    const first = explored.path(3, -1);
    expect(first.leaf).not.toBe(end.leaf);
    expect(explored.path(first.leaf, end.leaf).leaf).toBe(first.leaf);
  });

  it('form a tree in the order of the log, with what was pruned', () => {
    const explored = bare(
      [
        '0: R1=ctx() R10=fp0',
        '0: (15) if r1 == 0x0 goto pc+2 ; R1=ctx()',
        '1: (15) if r2 == 0x0 goto pc+1 ; R2=scalar()',
        '2: (b7) r0 = 0 ; R0=0',
        '3: (95) exit',
        '',
        'from 1 to 3: safe',
        '',
        'from 0 to 3: R0=0 R10=fp0',
        '3: (95) exit',
        'processed 5 insns (limit 1000000) max_states_per_insn 0 total_states 1 peak_states 1 mark_read 0',
      ].join('\n'),
    );
    expect(explored.tree(0, 10)).toMatchObject({
      n: 3,
      rows: [
        { first: 0, last: 3, depth: 0, end: 'exit' },
        { first: -1, depth: 1, end: 'pruned', parent: 1, fromInsn: 1, toInsn: 3 },
        { first: 4, depth: 1, end: 'exit', parent: 0, fromInsn: 0, toInsn: 3 },
      ],
    });
    expect(explored.rejected).toBe(false);
    expect(explored.row(0).branches).toBe(1);
  });
});

describe('where a register was set', () => {
  const log = [
    '0: R1=ctx() R10=fp0',
    '0: (bf) r6 = r1 ; R1=ctx() R6_w=ctx()',
    '1: (7b) *(u64 *)(r10 -8) = r6 ; R6=ctx() R10=fp0 fp-8_w=ctx()',
    '2: (b7) r1 = 7 ; R1_w=7',
    '3: (85) call pc+2',
    'caller:',
    ' R6=ctx() R10=fp0',
    'callee:',
    ' frame1: R1=7 R10=fp0',
    '6: frame1: R1=7 R10=fp0',
    '6: (b7) r0 = 1 ; frame1: R0_w=1',
    '7: (95) exit',
    'returning from callee:',
    ' frame1: R0=1 R1=7 R10=fp0',
    'to caller at 4:',
    ' R0=1 R6=ctx() R10=fp0',
    '4: (07) r0 += 1 ; R0_w=2',
    '5: (95) exit',
  ].join('\n');
  const set = (step: number, what: string) => bare(log).set(step, what);

  it('is found through calls and back out of them', () => {
    expect(set(7, 'r0').step).toBe(6);
    expect(set(6, 'r0').step).toBe(4); // set by the function that returned
    expect(set(6, 'r6').step).toBe(0);
    expect(set(6, 'r1')).toMatchObject({ step: 3 });
    expect(set(5, 'r1').step).toBe(2); // an argument of the call
    expect(set(6, 'fp-8').step).toBe(1);
    expect(set(0, 'r1')).toEqual({ step: -1, why: expect.stringContaining('context') });
    expect(set(5, 'r10').step).toBe(-1);
  });

  it('follows from what instructions read and write', () => {
    expect(effectsOf('(7b) *(u64 *)(r10 -8) = r1')).toEqual({ reads: ['r1'], writes: ['fp-8'] });
    expect(effectsOf('(61) r2 = *(u32 *)(r1 +4)')).toEqual({ reads: ['r1'], writes: ['r2'] });
    expect(effectsOf('(0f) r1 += r2')).toEqual({ reads: ['r1', 'r2'], writes: ['r1'] });
    expect(effectsOf('(2d) if r1 > r2 goto pc+4')).toEqual({ reads: ['r1', 'r2'], writes: [] });
    expect(effectsOf('(62) *(u32 *)(r10 -4) = 1')).toEqual({ reads: [], writes: ['fp-8'] });
    expect(effectsOf('(85) call bpf_map_lookup_elem#1')).toEqual({ reads: [], writes: ['r0'] });
  });
});

describe('values in words', () => {
  it.each([
    ['scalar()', 'scalar'],
    ['inv(id=0,umax_value=4194304,var_off=(0x0; 0x7fffff))', 'scalar [0, 4194304]'],
    ['scalar(smin=0,smax=umax=4194304,var_off=(0x0; 0x7fffff))', 'scalar [0, 4194304]'],
    ['scalar(smin=smin32=0,smax=umax=smax32=umax32=248,var_off=(0x0; 0xf8))', 'scalar [0, 248], multiple of 8'],
    ['7', '7'],
    ['0xffff', '65535 (0xffff)'],
    ['ringbuf_mem_or_null(id=4,ref_obj_id=4,sz=64)', 'ringbuf mem_or_null(id 4, reference 4, size 64)'],
    ['map_value(off=8,ks=4,vs=72)', 'map_value(size 72) + 8'],
    ['map_ptr(map=events,ks=0,vs=0)', 'map_ptr(events)'],
    ['trusted_ptr_task_struct(off=16)', 'trusted struct task_struct * + 16'],
    ['fp-16', 'stack - 16'],
    ['pkt(r=14)', 'pkt(14 bytes checked)'],
    ['something_new(x=1)', 'something_new(x=1)'],
  ])('%s is %s', (raw, text) => expect(termOf(parseRegister(raw))).toBe(text));

  it.each([
    ['mmmm????', '4 written, 4 not written'],
    ['00000000', 'zero'],
    ['scalar(umax=9)', 'spilled: scalar [0, 9]'],
  ])('the slot %s is %s', (raw, text) => expect(slotTerm(parseStackSlot(raw))).toBe(text));
});

describe('lines of source', () => {
  it('have visits, in the order of the log, and the instructions that they cost', () => {
    const explored = bare(longLog(400));
    const { heat, partial, text } = explored.source(0);
    expect(partial).toBe(true);
    expect(text!.split('\n')[5]).toBe('sum += buf[i];');
    const line = heat.find((one) => one.line === 6)!;
    const { n, visits } = explored.visits(0, 6, 0, 1000);
    expect(line.steps).toBe(n * 3);
    expect(explored.visit(visits[1]!.step, 0, 6, true)).toEqual({ step: visits[2]!.step, k: 3, n });
    expect(explored.visit(visits[0]!.step, 0, 6, false)).toEqual({ step: visits[n - 1]!.step, k: n, n });
    expect(explored.state(visits[3]!.step + 1)!.visit).toEqual({ k: 4, n });
    expect(explored.visit(0, 0, 999, true)).toEqual({ step: -1, k: 0, n: 0 });
  });

  it('come from comments without a place too', () => {
    const explored = bare(
      ['0: R1=ctx()', '; int x = 1;', '0: (b7) r0 = 1', '; return x;', '1: (95) exit', '; int x = 1;'].join('\n'),
    );
    expect(explored.source(0)).toMatchObject({ name: 'quoted by the log', text: 'int x = 1;\nreturn x;' });
    expect(explored.row(1).line).toBe(2);
  });
});

describe('search', () => {
  it('finds registers as words and text in any case, and goes round', async () => {
    expect(matcherOf('r1')('R10=fp0')).toBe(false);
    expect(matcherOf('r1')('R1_w=7')).toBe(true);
    expect(matcherOf('CALL bpf')('5: (85) call bpf_x#1')).toBe(true);
    const explored = bare(longLog(300));
    const pause = () => Promise.resolve();
    const first = await explored.search('exit', 0, true, pause);
    expect(first).toMatchObject({ k: 1, more: false });
    expect(explored.row(first.step).text).toBe('(95) exit');
    const last = await explored.search('exit', 0, false, pause);
    expect(last.k).toBe(first.n);
    expect(await explored.search('no such text', 0, true, pause)).toMatchObject({ step: -1, n: 0 });
  });
});

describe('two logs', () => {
  it('are aligned, and the first difference of instructions and of states is told', () => {
    const left = bare(longLog(400));
    const other = longLog(400).replace('R6=0', 'R6=1').replace('8: (95) exit', '8: (b7) r3 = 1 ; R3=1\n9: (95) exit');
    const right = bare(other);
    const { firstState, registers, pairs } = left.compare(right);
    expect([firstState, registers]).toEqual([1, ['r6']]);
    const page = left.pairs(right, 0, pairs);
    expect(page.pairs.filter(([l]) => l >= 0).map(([l]) => l)).toHaveLength(left.path(left.end, -1).length);
    expect(left.pairOf(right, 0)).toBe(0);
    expect(left.compare(bare(longLog(400)))).toMatchObject({ firstInsn: -1, firstState: -1, cut: false });
  });

  it('lose no step of either side, whatever they are', () => {
    const side = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 40 });
    fc.assert(
      fc.property(side, side, (a, b) => {
        const { pairs } = align({ length: a.length, key: (i) => a[i]! }, { length: b.length, key: (i) => b[i]! });
        expect(pairs.flatMap(([l]) => (l < 0 ? [] : [l]))).toEqual(a.map((_, i) => i));
        expect(pairs.flatMap(([, r]) => (r < 0 ? [] : [r]))).toEqual(b.map((_, i) => i));
        for (const [l, r] of pairs) if (l >= 0 && r >= 0) expect(a[l]).toBe(b[r]);
      }),
    );
    expect(instructionKey('(18) r1 = 0xffff88810439ec00')).toBe(instructionKey('(18) r1 = 0xffff8881aa39ec00'));
  });
});

describe('log files', () => {
  const write = (name: string, text: string): string => {
    const file = join(folder, name);
    writeFileSync(file, text);
    return file;
  };

  it('have a part for each program, and one that names none is a part by itself', async () => {
    const file = write(
      'two.log',
      '==== web-1 z (tc): skipped\n\n==== web-1 a (xdp): accepted\n0: (95) exit\n==== web-1 b (tc): rejected\n0: (b7) r0 = 1\nbad\n',
    );
    expect(await partsOfLog(file)).toMatchObject([
      { program: 'a', verdict: 'accepted', section: 'xdp' },
      { program: 'b', verdict: 'rejected', host: 'web-1' },
    ]);
    const explorations = new Explorations();
    const info = await explorations.open({ log: file, record: null });
    expect(info).toMatchObject({ part: 1, steps: 1, lines: 2, host: 'web-1' });
    const other = await explorations.open({ log: file, record: null, program: 'a' });
    expect(await explorations.ask(other.id, { ask: 'lines', from: 0, count: 9 })).toMatchObject([
      { text: '0: (95) exit' },
    ]);
    explorations.close(info.id);
    await expect(explorations.ask(info.id, { ask: 'source', file: 0 })).rejects.toMatchObject({ code: 'usage' });
    await expect(explorations.open({ log: join(folder, 'none'), record: null })).rejects.toMatchObject({
      code: 'file-not-found',
    });
    expect((await explorations.open({ log: write('empty.log', ''), record: null })).end).toBe(-1);
  });

  it('with a record show the sources as they were', async () => {
    const name = 'argument-not-pointer';
    const object = readFileSync(path(`${name}.o`));
    const record = join(folder, 'record.json');
    await writeRecord(record, path(`${name}.bpf.c`), object, {
      ok: false,
      host: 'h',
      kernel: '6.1',
      programs: [],
      notes: [],
    });
    const explorations = new Explorations();
    const info = await explorations.open({ log: path(`${name}.log`), record });
    expect(info).toMatchObject({ host: 'h', kernel: '6.1', fromObject: true, recorded: true });
    const source = await explorations.ask(info.id, { ask: 'source', file: 0 });
    expect(source).toMatchObject({ partial: false, text: readFileSync(path(`${name}.bpf.c`), 'utf8') });
    fc.assert(fc.property(fc.oneof(fc.json(), fc.string()), (text) => parseRecord(text) === null));
  });

  it('of any kind are read without a throw, with every line in reach', async () => {
    const good = readFileSync(path('callback-null.log'), 'utf8');
    const damaged = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 400 }),
      fc.tuple(fc.nat(good.length), fc.nat(good.length)).map(([a, b]) => good.slice(Math.min(a, b), Math.max(a, b))),
      fc.nat(good.length).map((at) => `${good.slice(0, at)}\r\n12: (zz) ?\r\n${good.slice(at)}`),
      fc.constant(good.replaceAll('\n', '\r\n')),
      fc.constant(good.replace(/^\d+: \(/gm, '>> [$&')),
    );
    const explorations = new Explorations();
    await fc.assert(
      fc.asyncProperty(damaged, fc.nat(300), async (text, n) => {
        const { id, end, lines } = await explorations.open({ log: write('any.log', text), record: null });
        const queries: ExploreQuery[] = [
          { ask: 'path', step: n, leaf: n },
          { ask: 'rows', leaf: end, from: 0, count: 500 },
          { ask: 'set', step: n, what: 'r1' },
          { ask: 'visit', step: n, file: 0, line: n, forward: true },
          { ask: 'visits', file: 0, line: 3, from: 0, count: 5 },
          { ask: 'tree', from: 0, count: 500 },
          { ask: 'source', file: 0 },
          { ask: 'search', text: 'r', line: n, forward: false },
          { ask: 'compare', other: id },
        ];
        for (const query of queries) await explorations.ask(id, query);
        for (let step = 0; step <= end; step += 7) await explorations.ask(id, { ask: 'state', step });
        const shown = await explorations.ask(id, { ask: 'lines', from: 0, count: 2000 });
        expect(shown).toHaveLength(Math.min(lines, 2000));
        explorations.close(id);
      }),
      { numRuns: 60 },
    );
  });
});

describe('200,000 lines', () => {
  // How fast is told by `npm run bench verdict`.
  it('open, and give the state before any step', async () => {
    const file = join(folder, 'long.log');
    writeFileSync(file, longLog(200_000));
    const explorations = new Explorations();
    const info = await explorations.open({ log: file, record: null });
    expect(info.end).toBeGreaterThan(100_000);
    const way = await explorations.ask(info.id, { ask: 'path', step: info.end, leaf: -1 });
    const last = await explorations.ask(info.id, { ask: 'rows', leaf: way.leaf, from: way.length - 60, count: 60 });
    expect(last).toHaveLength(60);
    for (const step of [0, 50_000, 100_000, info.end])
      expect((await explorations.ask(info.id, { ask: 'state', step })).frames.length).toBeGreaterThan(0);
  });
});
