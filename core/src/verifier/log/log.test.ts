/** Spellings of Linux 5.4 to 7.3, paths, and whatever a host may send. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { rejectedFolder } from '../testGolden.ts';
import {
  LineKind,
  LogReader,
  namedState,
  parseRegister,
  parseStackSlot,
  parseVerifierLog,
  pathTo,
  stateAtEnd,
  stateBefore,
} from './index.ts';

const real = readdirSync(rejectedFolder)
  .filter((f) => f.endsWith('.log'))
  .map((f) => readFileSync(join(rejectedFolder, f), 'utf8'));

describe('registers', () => {
  it.each([
    ['inv5', 'scalar', { constant: 5n, precise: false }],
    ['invP-3', 'scalar', { constant: -3n, precise: true }],
    ['inv(id=0)', 'scalar', { constant: null, id: 0 }],
    ['inv(id=3,umax_value=255,var_off=(0x0; 0xff))', 'scalar', { id: 3 }],
    ['P0xffffffff', 'scalar', { constant: 0xffffffffn, precise: true }],
    ['scalar(id=2+8,smin=umin=1,smax=umax=smax32=umax32=9)', 'scalar', { id: 2, idOffset: 8 }],
    [
      'map_value_or_null(id=1,off=0,ks=4,vs=32,imm=0)',
      'map_value',
      { nullable: true, keySize: 4, valueSize: 32, id: 1 },
    ],
    ['map_value(map=m.x,ks=4,vs=8,off=16)', 'map_value', { map: 'm.x', offset: 16n }],
    ['pkt(id=0,off=14,r=34,imm=0)', 'pkt', { offset: 14n, packetRange: 34 }],
    [
      'ringbuf_mem_or_null(id=2,ref_obj_id=2,sz=24)',
      'mem',
      { flags: ['ringbuf'], nullable: true, refId: 2, memorySize: 24 },
    ],
    ['rcu_ptr_or_null_task_struct(id=4)', 'ptr_', { flags: ['rcu'], nullable: true, struct: 'task_struct' }],
    ['trusted_ptr_task_struct(off=8)', 'ptr_', { flags: ['trusted'], struct: 'task_struct', offset: 8n }],
    ['fp-16', 'fp', { offset: -16n, frame: null }],
    ['fp[1]-8', 'fp', { offset: -8n, frame: 1 }],
    ['ptr_node(id=2,non_own_ref)', 'ptr_', { nonOwning: true, struct: 'node' }],
    ['dynptr_ptr(type=skb)', 'dynptr_ptr', { dynptr: 'skb' }],
    ['mem(sz=8,what=is,this)', 'mem', { memorySize: 8, more: ['what=is', 'this'] }],
  ])('%s', (text, type, more) => {
    expect(parseRegister(text)).toMatchObject({ text, type, ...more });
  });

  it('have their ranges, signed where a hexadecimal bound is negative', () => {
    expect(parseRegister('scalar(smin=0xffffffff80000000,smax=0x7fffffff,umax32=7)').range).toMatchObject({
      ...{ smin: -(2n ** 31n), smax: 2n ** 31n - 1n, umax32: 7n, umin: 0n },
    });
    expect(parseRegister('inv(id=0,umax_value=3,var_off=(0x0; 0x3))').range).toMatchObject({
      ...{ smin: 0n, smax: 3n, umax: 3n, tnum: { value: 0n, mask: 3n } },
    });
  });
});

describe('bounds that a log leaves out', () => {
  it.each([
    ['scalar(umax=255,var_off=(0x0; 0xff))', 0n, 255n],
    ['inv(id=0,umin_value=11,umax_value=20)', 11n, 20n],
    ['scalar(var_off=(0x10; 0x7))', 16n, 23n],
    ['scalar(smin=0,smax=7)', 0n, 7n],
    ['scalar(umin=11)', -(2n ** 63n), 2n ** 63n - 1n],
    ['scalar(smin=-8,smax=7)', -8n, 7n],
  ])('%s', (text, smin, smax) => {
    const { range } = parseRegister(text);
    expect([range.smin, range.smax]).toEqual([smin, smax]);
    if (smin >= 0n) expect([range.umin, range.umax]).toEqual([smin, smax]);
  });
});

describe('figures of Linux 7.3', () => {
  it('name the stack of each function in a line of its own', () => {
    const { stats, messages } = parseVerifierLog(
      [
        ...['combined stack size of 2 calls is 608. Too large', 'verification time 42020 usec', 'stack depth max 608'],
        'subprog 0 (on_packet) main insns_self 49 insns_total 94 stack 304',
        'subprog 1 (inner) static insns_self 45 insns_total 45 stack 304',
        'processed 94 insns (limit 1000000) max_states_per_insn 0 total_states 2 peak_states 2 mark_read 0',
      ].join('\n'),
    );
    expect(messages).toEqual(['combined stack size of 2 calls is 608. Too large']);
    expect(stats).toMatchObject({ stackMax: 608, stackDepths: [304, 304], verifyMicros: 42020, processed: 94 });
  });

  it('are told from a message that stands before them on the same line', () => {
    const { stats, messages } = parseVerifierLog(
      [
        '3: (85) call bpf_tail_call#12',
        'expected prog array map for tail callverification time 60 usec',
        'stack depth 0',
        'unknown opcode 8dprocessed 4 insns (limit 1000000) max_states_per_insn 0 total_states 2 peak_states 2 mark_read 0',
      ].join('\n'),
    );
    expect(messages).toEqual(['expected prog array map for tail call', 'unknown opcode 8d']);
    expect(stats).toMatchObject({ verifyMicros: 60, processed: 4 });
  });

  it('have no deepest chain where the kernel did not get that far', () => {
    const { stats } = parseVerifierLog('stack depth max 0\nsubprog 0 (f) main insns_self 7 insns_total 7 stack 8\n');
    expect(stats).toMatchObject({ stackMax: null, stackDepths: [8] });
  });
});

describe('stack slots', () => {
  it.each([
    [
      'mmmm????',
      { bytes: ['any', 'any', 'any', 'any', 'unwritten', 'unwritten', 'unwritten', 'unwritten'], spilled: null },
    ],
    ['00000000', { spilled: null, object: null }],
    ['ctx()', { spilled: { type: 'ctx' } }],
    ['0', { spilled: { constant: 0n } }],
    ['mmmmP5', { spilled: { constant: 5n, precise: true } }],
    ['dynptr_ringbuf(ref_id=3)', { object: { kind: 'dynptr', type: 'ringbuf', refId: 3 } }],
    [
      'iter_num(ref_id=1,state=active,depth=2)',
      { object: { kind: 'iterator', type: 'num', state: 'active', depth: 2 } },
    ],
  ])('%s', (text, expected) => {
    expect(parseStackSlot(text)).toMatchObject({ text, ...expected });
  });
});

describe('paths', () => {
  const log = parseVerifierLog(
    [
      ...[
        '0: R1=ctx() R10=fp0',
        '0: (b7) r0 = 0 ; R0=0',
        '1: (15) if r1 == 0x0 goto pc+1 ; R1=ctx()',
        '2: (b7) r0 = 1 ; R0=1',
      ],
      ...['3: (95) exit', '', 'from 1 to 3: R0=0 R1=ctx() R10=fp0', '3: (95) exit', 'R0 is bad'],
    ].join('\n'),
  );

  it('go on where a branch was put off', () => {
    expect(pathTo(log, 4).map((s) => log.stepInsn(s))).toEqual([0, 1, 3]);
    expect(pathTo(log, 3).map((s) => log.stepInsn(s))).toEqual([0, 1, 2, 3]);
  });

  it('have their own state', () => {
    expect(namedState(stateAtEnd(log)).get('r0')).toBe('0');
    expect(namedState(stateBefore(log, 3)).get('r0')).toBe('1');
  });

  it('of a jump that is taken at once have the state that stands on its line', () => {
    const taken = parseVerifierLog(
      '0: R0=1 R6=scalar() R10=fp0\n1: (ad) if r0 < r6 goto pc+3 5: R6=scalar(umin=2) R10=fp0 refs=2\n5: (95) exit\n',
    );
    expect(taken.stepText(0)).toBe('(ad) if r0 < r6 goto pc+3');
    const state = stateBefore(taken, 1);
    expect([namedState(state).get('r0'), namedState(state).get('r6')]).toEqual(['1', 'scalar(umin=2)']);
    expect(state.references).toEqual([2]);
  });

  it('of callbacks keep their state, which stands on the line of the call', () => {
    const called = parseVerifierLog('5: (85) call bpf_loop#181 8: frame1: R1=scalar() R10=fp0 cb\n8: (bc) w0 = w1\n');
    expect(namedState(stateBefore(called, 1))).toEqual(
      new Map([
        ['r1', 'scalar()'],
        ['r10', 'fp0'],
      ]),
    );
  });
});

describe('whatever comes', () => {
  it('every line can be reached, with and without carriage returns, in pieces of any size', () => {
    fc.assert(
      fc.property(fc.constantFrom(...real), fc.integer({ min: 1, max: 500 }), fc.boolean(), (text, size, dos) => {
        const sent = dos ? text.replaceAll('\n', '\r\n') : text;
        const reader = new LogReader();
        for (let at = 0; at < sent.length; at += size) reader.push(sent.slice(at, at + size));
        const log = reader.finish();
        const lines = Array.from({ length: log.lineCount }, (_, i) => log.line(i));
        expect(`${lines.join('\n')}\n`).toBe(text.endsWith('\n') ? text : `${text}\n`);
        expect(log.messages).toEqual(parseVerifierLog(text).messages);
      }),
      { numRuns: 60 },
    );
  });

  it('damaged logs are read without failing', () => {
    const damaged = fc
      .tuple(fc.constantFrom(...real), fc.array(fc.tuple(fc.nat(), fc.string({ maxLength: 12 })), { maxLength: 8 }))
      .map(([text, edits]) =>
        edits.reduce((t, [at, s]) => t.slice(0, at % t.length) + s + t.slice((at % t.length) + s.length), text),
      );
    fc.assert(
      fc.property(fc.oneof(damaged, fc.string()), (text) => {
        const log = parseVerifierLog(text);
        const { frames } = stateAtEnd(log);
        for (const frame of frames) {
          for (const register of frame.registers.keys()) frame.register(register);
          for (const offset of frame.stack.keys()) frame.slot(offset);
        }
        for (let step = 0; step < log.stepCount; step++) expect(log.previous(step)).toBeLessThan(step);
      }),
      { numRuns: 200 },
    );
  });

  it('lines of a real log are known, but for the reason', () => {
    for (const text of real) {
      const log = parseVerifierLog(text);
      const unknown = Array.from({ length: log.lineCount }, (_, i) => i).filter(
        (i) => log.kind(i) === LineKind.message,
      );
      expect(unknown.length).toBeLessThanOrEqual(4);
    }
  });
});

describe('level 2 of kernels before 5.17', () => {
  // They print the state before every instruction, and not which branch they take up.
  const log = parseVerifierLog(
    [
      ...['0: R1=ctx(id=0,off=0,imm=0) R10=fp0', '0: (85) call bpf_get_prandom_u32#7', '1: R0_w=inv(id=0) R10=fp0'],
      ...['1: (15) if r0 == 0x0 goto pc+3', ' R0_w=inv(id=0) R10=fp0', '2: R0=inv(id=0) R10=fp0'],
      ...['2: (25) if r0 > 0x9 goto pc+1', ' R0=inv(id=0,umax_value=9,var_off=(0x0; 0xf)) R10=fp0'],
      ...['3: R0=inv(id=0,umax_value=9,var_off=(0x0; 0xf)) R10=fp0', '3: (85) call pc+3', 'caller:', ' R10=fp0'],
      ...['callee:', ' frame1: R10=fp0', '7: frame1: R10=fp0', '7: (b7) r0 = 1', '8: frame1: R0_w=inv1 R10=fp0'],
      ...[
        '8: (95) exit',
        'returning from callee:',
        ' frame1: R0_w=inv1 R10=fp0',
        'to caller at 4:',
        ' R0_w=inv1 R10=fp0',
      ],
      ...['4: R0_w=inv1 R10=fp0', '4: (95) exit', '4: R0=inv(id=0,umin_value=10) R10=fp0', '4: safe'],
      ...['5: R0=inv0 R10=fp0', '5: (95) exit', 'R0 is bad'],
    ].join('\n'),
  );
  const path = (step: number) => pathTo(log, step).map((s) => log.stepInsn(s));

  it('goes on from a call, and from the branch that was put off last', () => {
    expect(Array.from({ length: log.stepCount }, (_, i) => log.stepInsn(i))).toEqual([0, 1, 2, 3, 7, 8, 4, 5]);
    expect(path(6)).toEqual([0, 1, 2, 3, 7, 8, 4]);
    expect(path(7)).toEqual([0, 1, 5]);
  });

  it('has the state of the branch', () => {
    expect(namedState(stateAtEnd(log)).get('r0')).toBe('inv0');
  });
});
