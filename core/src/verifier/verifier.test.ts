/** Against logs of real rejections on Linux 6.18 (test/fixtures/verifier, made anew with its make.sh). */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ProgramVerdict } from '../model/index.ts';
import { namedState, stateAtEnd } from './log/index.ts';
import {
  explainRejection,
  parseVerifierLog,
  verdictDiagnostics,
  verdictFromAgent,
  type AgentVerdict,
} from './index.ts';

const fixtures = join(import.meta.dirname, '../../../test/fixtures/verifier');
const read = (name: string) => readFileSync(join(fixtures, name), 'utf8');
const agentVerdict = (more: Partial<AgentVerdict>): AgentVerdict => ({
  ...{ name: 'prog', section: 'raw_tp/sched_process_exec', verdict: 'rejected', error: null, log: '' },
  ...{ instructions: 0, verifyMicros: 0, libbpfLog: '' },
  ...more,
});

function verdict(name: string, more: Partial<AgentVerdict> = {}): ProgramVerdict {
  const recorded = { log: read(`${name}.log`), libbpfLog: read(`${name}.libbpf.log`) };
  return verdictFromAgent(agentVerdict({ ...recorded, ...more }), readFileSync(join(fixtures, `${name}.o`)));
}

describe('rejections', () => {
  /** Program, category, and the text that stands at the place (from its column to the end of the line). */
  it.each([
    ['null-pointer', 'null-pointer', '= 1;'],
    ['subprog-null', 'null-pointer', '= x;'],
    ['map-value-bounds', 'index-unbounded', '= 1;'],
    ['stack-bounds', 'stack-out-of-bounds', '= 1;'],
    ['packet-bounds', 'packet-out-of-bounds', 'h_proto == 8)'],
    ['context-bounds', 'context-out-of-bounds', '*(int *)(ctx + 9000);'],
    ['scalar-access', 'unchecked-kernel-pointer', '*(volatile int *)((char *)t + 16);'],
    ['uninit-register', 'uninitialized-register', 'asm volatile("r0 = r6; exit;");'],
    ['unreleased', 'unreleased-reference', '}'],
    ['unbounded-loop', 'unbounded-loop', '++;'],
    ['helper-not-allowed', 'helper-not-allowed', 'bpf_xdp_adjust_head(ctx, 4);'],
    ['gpl-only', 'gpl-only', 'bpf_printk("hi");'],
    ['invalid-return', 'invalid-return', 'return 7;'],
    ['variable-size', 'unbounded-size', 'bpf_probe_read_kernel(b, n, (void *)ctx->args[0]);'],
    ['bad-helper-arg', 'wrong-argument', 'bpf_map_update_elem(&m, &key, (void *)8, 0);'],
    ['stack-too-large', 'stack-too-large', 'bpf_get_smp_processor_id();'],
  ])('%s is %s at "%s"', (name, category, text) => {
    const { reason } = verdict(name);
    expect(reason).toMatchObject({ category, file: `./${name}.bpf.c` });
    const line = read(`${name}.bpf.c`).split('\n')[reason!.line - 1]!;
    expect(line.slice(reason!.column - 1)).toBe(text);
    expect(reason!.endColumn).toBe(line.length + 1);
    expect(reason!.title).not.toBe('');
    expect(reason!.message).toMatch(/^(?:[A-Z`]|bpf_).*\. The verifier says: /);
  });

  it('are all told apart from unknown', () => {
    for (const { reason } of [verdict('null-pointer'), verdict('unreleased')])
      expect(reason!.category).not.toBe('unknown');
    expect(explainRejection('0: R1=ctx() R10=fp0\n0: (95) exit\nsomething never heard of\n', null)).toMatchObject({
      category: 'unknown',
      message: 'The verifier says: something never heard of',
    });
  });

  it('name the place where a null pointer comes from, across functions', () => {
    expect(verdict('null-pointer').reason!.cause).toEqual([
      {
        file: './null-pointer.bpf.c',
        line: 12,
        column: 18,
        message: 'bpf_map_lookup_elem() returns NULL when the map has no such key; `v` is made here.',
      },
    ]);
    expect(verdict('subprog-null').reason!.cause[0]).toMatchObject({ line: 16, column: 18 });
  });

  it('name the place where an unreleased record was taken', () => {
    expect(verdict('unreleased').reason!.cause).toEqual([
      { file: './unreleased.bpf.c', line: 11, column: 13, message: '`e` is taken here.' },
    ]);
  });

  it('have the registers before the instruction that failed', () => {
    expect(verdict('map-value-bounds').reason!.registers).toEqual({
      r0: 'map_value(map=m,ks=4,vs=32,smin=0,smax=umax=0x7fffffff8,smax32=0x7ffffff8,umax32=0xfffffff8,var_off=(0x0; 0x7fffffff8))',
      r1: '1',
      r10: 'fp0',
      'fp-8': 'mmmm????',
    });
    expect(verdict('subprog-null').reason!.registers).toEqual({
      r1: 'map_value_or_null(id=1,map=m,ks=4,vs=32)',
      r2: '3',
      r10: 'fp0',
    });
  });

  it('keep the place without an object, from the comments of the log', () => {
    const reason = explainRejection(read('null-pointer.log'), null);
    expect(reason).toMatchObject({ category: 'null-pointer', file: 'null-pointer.bpf.c', line: 13, column: 1 });
    expect(reason.cause[0]).toMatchObject({ line: 12 });
  });

  it('say which field a kernel lacks', () => {
    const { reason } = verdict('core-field');
    expect(reason).toMatchObject({ category: 'core-relocation', line: 13 });
    expect(reason!.message).toContain('no field no_such_field in struct task_struct,');
    // Without the verifier's own words (Linux before 6.3) libbpf's tell.
    const old = '0: R1=ctx() R10=fp0\n1: (85) call unknown#195896080\ninvalid func unknown#195896080\n';
    expect(verdict('core-field', { log: old }).reason!.message).toContain('field no_such_field in struct task_struct');
  });
});

describe('figures', () => {
  it('come from the summary; what the log does not say is null', () => {
    expect(verdict('accepted', { verdict: 'accepted', instructions: 13, verifyMicros: 999 })).toEqual({
      ...{ name: 'prog', section: 'raw_tp/sched_process_exec', verdict: 'accepted', reason: null },
      stats: {
        ...{ instructions: 13, processed: 13, limitPercent: 0, totalStates: 1, peakStates: 1, stackBytes: 8 },
        verifyMicros: parseVerifierLog(read('accepted.log')).stats.verifyMicros,
      },
    });
    expect(verdictFromAgent(agentVerdict({ verdict: 'accepted' }), null).stats).toEqual({
      ...{ instructions: null, processed: null, limitPercent: null, totalStates: null, peakStates: null },
      ...{ stackBytes: null, verifyMicros: null },
    });
  });

  it('sum the stack of the deepest call chain', () => {
    expect(verdict('stack-too-large').stats.stackBytes).toBe(608);
    expect(verdict('subprog-null').stats.stackBytes).toBe(8);
  });

  it('say how much of the limit was used', () => {
    const log =
      'processed 512345 insns (limit 1000000) max_states_per_insn 4 total_states 900 peak_states 700 mark_read 12\n';
    const { stats } = verdictFromAgent(agentVerdict({ verdict: 'accepted', log, verifyMicros: 7 }), null);
    expect(stats).toMatchObject({
      processed: 512345,
      limitPercent: 51.2,
      totalStates: 900,
      peakStates: 700,
      verifyMicros: 7,
    });
  });

  it('are read from old summaries too', () => {
    expect(parseVerifierLog('processed 7 insns, stack depth 16\n').stats).toMatchObject({ processed: 7, limit: null });
  });
});

describe('other wordings', () => {
  it.each([
    ['The sequence of 8193 jumps is too complex.', 'too-complex'],
    ['BPF program is too large. Processed 1000001 insn', 'too-complex'],
    ['back-edge from insn 5 to 2', 'unbounded-loop'],
    ["R1 invalid mem access 'inv'", 'unchecked-kernel-pointer'],
    ["R0 invalid mem access 'map_value_or_null'", 'null-pointer'],
    ['R2 type=map_value_or_null expected=fp, pkt', 'null-argument'],
    ['R2 min value is outside of the allowed memory range', 'map-value-out-of-bounds'],
    ['invalid access to map value, value_size=32 off=32 size=8', 'map-value-out-of-bounds'],
    ['invalid indirect read from stack off -8+4 size 8', 'uninitialized-stack'],
    ['invalid read from stack R2 off -8+0 size 4', 'uninitialized-stack'],
    ['invalid stack type R2 off=-520 access_size=8', 'stack-out-of-bounds'],
    ['invalid write to stack R1 off=4 size=1', 'stack-out-of-bounds'],
    ['unknown func bpf_get_attach_cookie#174', 'helper-not-allowed'],
    ['cannot call GPL only function from proprietary program: GPL compatible', 'gpl-only'],
    ['R0 !read_ok', 'uninitialized-register'],
    ['At program exit the register R0 has value (0x7; 0x0) should have been in (0x0; 0x1)', 'invalid-return'],
    ['combined stack size of 3 calls is 544. Too large', 'stack-too-large'],
    ['invalid bpf_context access off=76 size=4', 'context-out-of-bounds'],
    ['R7 bitwise operator |= on pointer prohibited', 'pointer-arithmetic'],
    ['unreachable insn 12', 'unreachable-code'],
  ])('%s: %s', (message, category) => {
    expect(explainRejection(`0: R1=ctx(id=0,off=0,imm=0) R10=fp0\n3: (95) exit\n${message}\n`, null).category).toBe(
      category,
    );
  });

  it('of states in old logs are not taken for messages', () => {
    const log = [
      '0: R1=ctx(id=0,off=0,imm=0) R10=fp0',
      '; struct val *v = bpf_map_lookup_elem(&m, &key);',
      '0: (85) call bpf_map_lookup_elem#1',
      '1: R0_w=map_value_or_null(id=1,off=0,ks=4,vs=32,imm=0) R10=fp0',
      '; v->a[0] = 1;',
      '1: (7b) *(u64 *)(r0 +0) = r1',
      ' R0=map_value_or_null(id=1,off=0,ks=4,vs=32,imm=0) R1=inv1 R10=fp0 fp-8=mmmm????',
      "R0 invalid mem access 'map_value_or_null'",
      'processed 2 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
    ].join('\n');
    const parsed = parseVerifierLog(log);
    expect(parsed.messages).toEqual(["R0 invalid mem access 'map_value_or_null'"]);
    expect(parsed.last).toEqual({
      index: 1,
      text: '(7b) *(u64 *)(r0 +0) = r1',
      source: { text: 'v->a[0] = 1;', file: null, line: null },
    });
    expect(namedState(stateAtEnd(parsed)).get('r0')).toBe('map_value_or_null(id=1,off=0,ks=4,vs=32,imm=0)');
  });

  it("of Linux 7.3 give the kernel's own reason and suggestion", () => {
    const log = [
      '0: R1=ctx() R10=fp0',
      '0: (95) exit',
      'R0 !read_ok',
      '',
      'Verification failed: Register Type Safety: Unreadable register',
      '',
      'Reason:',
      '  R0 has never been initialized on this path, so the verifier cannot use it as an input.',
      '',
      'At:',
      '  insn 0',
      '        | ^-- error: R0 is not readable',
      '  Instruction context:',
      '  >>> 0 | (95) exit',
      '',
      'Causal path:',
      '  no retained diagnostic events on this path',
      '',
      'Suggestion:',
      '  Initialize R0 on every path before this instruction.',
      '',
      'processed 1 insns (limit 1000000) max_states_per_insn 0 total_states 0 peak_states 0 mark_read 0',
    ].join('\n');
    const parsed = parseVerifierLog(log);
    expect(parsed.report).toMatchObject({
      category: 'Register Type Safety',
      title: 'Unreadable register',
      reason: 'R0 has never been initialized on this path, so the verifier cannot use it as an input.',
      insn: 0,
      suggestion: 'Initialize R0 on every path before this instruction.',
    });
    expect(parsed.messages).toEqual(['R0 !read_ok']);
    expect(parsed.stats.processed).toBe(1);
    expect(explainRejection(parsed, null)).toMatchObject({
      category: 'uninitialized-register',
      kernelSuggestion: 'Initialize R0 on every path before this instruction.',
    });
  });
});

describe('without a verifier log', () => {
  it('the refusal of the kernel or of libbpf is the reason, at the program', () => {
    const error = {
      code: 'map-create-failed',
      message: 'The map m cannot be created.',
      hint: 'Raise the memory limit.',
    };
    const { reason } = verdict('accepted', { log: '', error });
    expect(reason).toMatchObject({ category: 'map-create-failed', file: './accepted.bpf.c', line: 9 });
    expect(reason!.message).toMatch(/^The map m cannot be created. Raise the memory limit\./);
  });

  it('a damaged object costs the place only', () => {
    const { reason } = verdictFromAgent(agentVerdict({ log: read('null-pointer.log') }), new Uint8Array([1, 2, 3]));
    expect(reason).toMatchObject({ category: 'null-pointer', line: 13, column: 1 });
  });
});

describe('verdictDiagnostics', () => {
  it('is the reason as an error and its causes as notes', () => {
    expect(verdictDiagnostics(verdict('null-pointer'))).toEqual([
      {
        ...{ file: './null-pointer.bpf.c', line: 13, column: 10, endLine: 13, endColumn: 14, severity: 'error' },
        message: expect.stringMatching(/^prog: Pointer may be NULL\. /) as string,
        ...{ code: 'verifier:null-pointer', source: 'verifier' },
      },
      {
        ...{ file: './null-pointer.bpf.c', line: 12, column: 18, endLine: 12, endColumn: 19, severity: 'note' },
        message: 'bpf_map_lookup_elem() returns NULL when the map has no such key; `v` is made here.',
        ...{ code: 'verifier:null-pointer', source: 'verifier' },
      },
    ]);
  });

  it('is empty for an accepted program and for one without a place', () => {
    expect(verdictDiagnostics(verdict('accepted', { verdict: 'accepted' }))).toEqual([]);
    expect(verdictDiagnostics(verdictFromAgent(agentVerdict({ log: 'R0 !read_ok\n' }), null))).toEqual([]);
  });
});

describe('whatever a host sends', () => {
  const object = readFileSync(join(fixtures, 'subprog-null.o'));
  const whole = read('subprog-null.log');

  it('a log cut at either end is read as far as it goes', () => {
    fc.assert(
      fc.property(fc.nat(whole.length), fc.nat(whole.length), (a, b) => {
        const log = whole.slice(Math.min(a, b), Math.max(a, b));
        const { reason } = verdictFromAgent(
          agentVerdict({ log, error: { code: 'x', message: 'm', hint: '' } }),
          object,
        );
        expect(reason).not.toBeNull();
      }),
    );
  });

  it('text that is no log makes no failure', () => {
    const line = fc.oneof(
      fc.string(),
      fc.constantFrom(...whole.split('\n')),
      fc.nat().map((n) => `${n}: (b7) r1 = 0`),
    );
    fc.assert(
      fc.property(fc.array(line), (lines) => {
        const made = verdictFromAgent(agentVerdict({ log: lines.join('\n') }), object);
        verdictDiagnostics(made);
      }),
    );
  });

  it('ten megabytes are read', () => {
    const lines = whole.split('\n').filter((l) => /^\d+: /.test(l));
    const log = `${`${lines.join('\n')}\n`.repeat(Math.ceil(10_000_000 / lines.join('\n').length))}R1 !read_ok\n`;
    expect(parseVerifierLog(log).messages).toEqual(['R1 !read_ok']);
  });
});
