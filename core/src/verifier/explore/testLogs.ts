/** For tests and figures: logs as the verifier writes them. */

/** A loop that is walked many times, with a branch put off in every turn and taken up at the end. */
export function longLog(lines: number): string {
  const out = ['0: R1=ctx() R10=fp0', '; int prog(void *ctx) @ long.bpf.c:3', '0: (b7) r6 = 0 ; R6=0'];
  const turns: number[] = [];
  for (let turn = 0; out.length < lines * 0.8; turn++) {
    out.push(
      '; for (int i = 0; i < n; i++) @ long.bpf.c:5',
      `1: (b7) r2 = ${turn} ; R2=${turn}`,
      `2: (25) if r2 > 0x${(turn + 10).toString(16)} goto pc+4 ; R2=${turn}`,
      '; sum += buf[i]; @ long.bpf.c:6',
      '3: (0f) r6 += r2 ; R2=scalar(id=1,smin=0,smax=umax=umax32=4095,var_off=(0x0; 0xfff)) R6=scalar()',
      `4: (7b) *(u64 *)(r10 -${8 + (turn % 32) * 8}) = r6 ; R6=scalar() R10=fp0 fp-${8 + (turn % 32) * 8}=scalar()`,
      '5: (05) goto pc-5',
    );
    turns.push(turn);
  }
  out.push('; return 0; @ long.bpf.c:8', '7: (b7) r0 = 0 ; R0=0', '8: (95) exit');
  for (let turn = turns.at(-1)!; out.length < lines - 3 && turn >= 0; turn--)
    out.push(
      '',
      `from 2 to 7: R1=ctx() R2=${turn} R6=scalar() R10=fp0 fp-8=scalar()`,
      '7: (b7) r0 = 0 ; R0=0',
      '8: (95) exit',
    );
  out.push("R0 invalid mem access 'scalar'");
  out.push(
    `processed ${turns.length * 5} insns (limit 1000000) max_states_per_insn 4 total_states 9 peak_states 9 mark_read 1`,
  );
  return `${out.join('\n')}\n`;
}
