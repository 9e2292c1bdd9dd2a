/** From save to the verifier's squiggle, the CLI's verdict, and how fast verifier logs are read. */
import { open, mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseVerifierLog } from '../../core/src/verifier/index.ts';
import { attachToRow, benchEditor, everyoneExecutes, stopRun } from './benchEditor.ts';
import { explorer } from './explorer.ts';
import { benchHost, dist, root, run, sshArguments } from './environment.ts';
import type { Measured } from './figure.ts';
import type { Bench } from './main.ts';
import type { OpenedLog } from './openLog.ts';

const ROUNDS = 7;

/**
 * About 500 instructions, most of them in a function at its end, so that the place of the mark is in view; the end of its
 * first line decides whether the verifier accepts it.
 */
const PROGRAM = `#define CHECKED 1
#include "vmlinux.h"
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>
struct event { u32 pid, parent; u64 mixed; char comm[16]; };
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 16);
} events SEC(".maps");
static __always_inline u64 mixed(struct task_struct *task);

SEC("tp/sched/sched_process_exec") int on_exec(void *ctx)
{
	struct task_struct *task = (void *)bpf_get_current_task();
	u64 hash = mixed(task);
	struct event *e = bpf_ringbuf_reserve(&events, sizeof(*e), 0);
#if CHECKED
	if (!e)
		return 0;
#endif
	e->pid = bpf_get_current_pid_tgid() >> 32;
	e->parent = BPF_CORE_READ(task, real_parent, tgid);
	e->mixed = hash;
	bpf_get_current_comm(e->comm, sizeof(e->comm));
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static __always_inline u64 mix(u64 hash, u64 value)
{
	hash ^= value;
	hash *= 0x9e3779b97f4a7c15;
	return hash ^ (hash >> 29);
}

static __always_inline u64 mixed(struct task_struct *task)
{
	u64 hash = bpf_get_current_pid_tgid();

#pragma unroll
	for (int i = 0; i < 19; i++) {
		u64 at = bpf_ktime_get_ns();
		if (at & (1ULL << i))
			hash = mix(hash, at);
		hash = mix(hash, BPF_CORE_READ(task, start_time) + i);
	}
	return hash;
}

char LICENSE[] SEC("license") = "GPL";
`;

export const verdictBench: Bench = {
  summary: "from save to the verifier's squiggle; CLI verify; log parsing; the explorer's log",
  run: async (say) => [...(await squiggle(say)), ...(await cli(say)), ...(await logs(say)), ...(await explorer(say))],
};

async function squiggle(say: (text: string) => void): Promise<Measured[]> {
  const stopCommands = everyoneExecutes();
  const bench = await benchEditor({ 'verdict.bpf.c': PROGRAM });
  try {
    const { page } = bench.editor;
    await bench.workbench.open('verdict.bpf.c');
    await attachToRow(bench, 'ringside-test'); // chooses the host, warms compiler and connection
    await stopRun(bench);
    await bench.workbench.open('verdict.bpf.c');
    // Looked at once a frame: Playwright's own waiting looks twice a second, which would be the figure.
    const squiggles = (shown: boolean): Promise<unknown> =>
      page.waitForFunction(
        (want) => (document.querySelector('.monaco-editor .squiggly-error') !== null) === want,
        shown,
        {
          polling: 'raf',
          timeout: 20_000,
        },
      );
    const appeared: number[] = [];
    const left: number[] = [];
    for (let i = 0; i < ROUNDS; i++) {
      await edit('0');
      appeared.push(await timed(() => squiggles(true)));
      await edit('1');
      left.push(await timed(() => squiggles(false)));
      say(`squiggle after ${appeared.at(-1)!.toFixed(0)} ms, gone after ${left.at(-1)!.toFixed(0)} ms`);
    }
    return [
      {
        figure: 'save_to_squiggle_ms',
        unit: 'ms',
        better: 'lower',
        samples: appeared,
        goal: 500,
        note: 'Ctrl+S to the mark painted; program of 500 instructions with vmlinux.h, over ssh, warm',
      },
      { figure: 'save_to_clean_ms', unit: 'ms', better: 'lower', samples: left, goal: 500 },
    ];

    async function edit(checked: '0' | '1'): Promise<void> {
      await page.locator('.monaco-editor .view-lines').first().click();
      await page.keyboard.press('Control+Home');
      await page.keyboard.press('End');
      await page.keyboard.press('Backspace');
      await page.keyboard.type(checked);
      await page.waitForTimeout(400); // the language server's own check comes first, as it does for a person
    }
    async function timed(shown: () => Promise<unknown>): Promise<number> {
      const begin = performance.now();
      await page.keyboard.press('Control+s');
      await shown();
      return performance.now() - begin;
    }
  } finally {
    await bench.stop();
    stopCommands();
  }
}

async function cli(say: (text: string) => void): Promise<Measured[]> {
  const host = await benchHost();
  const samples: number[] = [];
  try {
    for (let i = 0; i < ROUNDS; i++) {
      const begin = performance.now();
      await run(process.execPath, [
        join(dist, 'cli.js'),
        'verify',
        join(root, 'bpf-snippets', 'execsnoop', 'execsnoop.bpf.c'),
        '--host',
        host.name,
        ...sshArguments(host.sshd),
        '--json',
      ]);
      samples.push(performance.now() - begin);
    }
    say(`ringside verify: ${samples.map((s) => s.toFixed(0)).join(', ')} ms`);
    return [
      {
        figure: 'cli_verify_ms',
        unit: 'ms',
        better: 'lower',
        samples: samples.slice(1),
        note: 'node start, ssh, build, load and unload',
      },
    ];
  } finally {
    await host.stop();
  }
}

/** What is parsed is real: the logs of the rejected programs, over and over. */
async function logs(say: (text: string) => void): Promise<Measured[]> {
  const folder = join(root, 'test', 'fixtures', 'verifier');
  const files = (await readdir(folder)).filter((f) => f.endsWith('.log'));
  if (files.length === 0) throw new Error('there are no verifier logs in test/fixtures/verifier');
  const texts = await Promise.all(files.map((f) => readFile(join(folder, f), 'utf8')));
  const once = `${texts.join('\n')}\n`;
  return [parsing(once), ...(await opening(once, say))];
}

/** Busy time, not the clock's: others on the machine take none of it. */
function parsing(once: string): Measured {
  const text = once.repeat(Math.ceil(8_000_000 / once.length));
  const samples: number[] = [];
  for (let i = 0; i < 9; i++) {
    const began = process.cpuUsage();
    parseVerifierLog(text);
    const { user, system } = process.cpuUsage(began);
    samples.push(text.length / (user + system));
  }
  return {
    figure: 'log_parse_mb_per_s',
    ...{ unit: 'MB/s', better: 'higher', goal: 100 },
    samples,
    note: `${(text.length / 1e6).toFixed(1)} MB of real logs; per second of CPU time of all threads, the first runs cold`,
  };
}

const LARGE = 100_000_000;

async function opening(once: string, say: (text: string) => void): Promise<Measured[]> {
  const folder = await mkdtemp(join(tmpdir(), 'ringside-bench-'));
  try {
    const log = join(folder, 'large.log');
    const file = await open(log, 'w');
    const block = once.repeat(Math.ceil(1_000_000 / once.length));
    for (let written = 0; written < LARGE; written += block.length) await file.write(block);
    await file.close();
    const opened: OpenedLog[] = [];
    for (let i = 0; i < 5; i++) {
      const { stdout } = await run(process.execPath, [join(root, '.cache', 'bench', 'openLog.mjs'), log]);
      opened.push(JSON.parse(stdout) as OpenedLog);
      const { busyMs, peakBytes, bytes, lines } = opened.at(-1)!;
      say(`${lines} lines opened, ${busyMs.toFixed(0)} ms busy, ${(peakBytes / bytes).toFixed(2)} × the log`);
    }
    const note = `a file of ${(opened[0]!.bytes / 1e6).toFixed(0)} MB and ${opened[0]!.lines} lines, read and indexed by a new process`;
    return [
      {
        figure: 'log_open_100mb_busy_ms',
        ...{ unit: 'ms', better: 'lower', samples: opened.map(({ busyMs }) => busyMs), note },
      },
      {
        figure: 'log_memory_per_byte',
        ...{ unit: 'B', better: 'lower', goal: 2 },
        samples: opened.map(({ peakBytes, bytes }) => peakBytes / bytes),
        note: `most memory of that process beyond what Node.js needs, for each byte of the log`,
      },
    ];
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
