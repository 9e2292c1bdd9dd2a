/** For tests: docs/verdicts-by-kernel.md, from what the kernels said about the set of rejected programs. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { rejectedFolder } from './testGolden.ts';
import { OWN_KERNEL, rejectedPrograms, said, type RecordedKernel } from './testKernels.ts';

interface Said {
  verdict: string;
  category: string;
  place: string;
}

/** Why kernels say something else than Linux 6.18, by program. A test holds that none is missing and none is idle. */
const since = (what: string, version: string): string =>
  `${what} came with Linux ${version}; this kernel refuses the program before it looks at the mistake.`;
const kfunc = (name: string, version: string): Record<string, string> => {
  const why = since(`the kernel function ${name}()`, version);
  return { '5.10': why, '6.1': why };
};
const callbacks = since('callbacks', '5.13');
const reasons: Record<string, Partial<Record<string, string>>> = {
  'callback-null': { '5.10': callbacks },
  'callback-return': { '5.10': callbacks },
  'dynptr-slice-null': kfunc('bpf_dynptr_from_skb', '6.4'),
  'dynptr-uninitialised': kfunc('bpf_dynptr_slice', '6.4'),
  'global-function-null': { '5.10': 'global functions take pointers to memory since Linux 5.12.' },
  'iterator-not-destroyed': kfunc('bpf_iter_num_new', '6.4'),
  'iterator-uninitialised': kfunc('bpf_iter_num_next', '6.4'),
  'kfunc-null': kfunc('bpf_task_from_pid', '6.2'),
  'kfunc-null-argument': kfunc('bpf_task_from_pid', '6.2'),
  'kfunc-wrong-program': kfunc('bpf_task_from_pid', '6.2'),
  'printk-format': { '5.10': since('the helper bpf_snprintf()', '5.13') },
  'rcu-parent': kfunc('bpf_task_acquire', '6.2'),
  'rcu-not-unlocked': kfunc('bpf_rcu_read_lock', '6.2'),
  'release-not-owned': kfunc('bpf_task_release', '6.2'),
  'stack-too-large-calls': { '5.10': since('the helper bpf_xdp_load_bytes()', '5.18') },
  'stack-too-large-struct': { '5.10': since('the helper bpf_xdp_load_bytes()', '5.18') },
  'tc-store-bytes': { '5.10': since('the helper bpf_xdp_store_bytes()', '5.18') },
  'task-not-released': kfunc('bpf_task_acquire', '6.2'),
  'xdp-dynptr-of-skb': kfunc('bpf_dynptr_from_skb', '6.4'),
};

const lineOf = (place: string): string => place.replace(/:\d+$/, '');

function ownVerdict(name: string): Said {
  const golden = JSON.parse(readFileSync(join(rejectedFolder, `${name}.golden.json`), 'utf8')) as Said;
  return { verdict: golden.verdict, category: golden.category, place: golden.place };
}

export interface Row {
  name: string;
  own: Said;
  /** By kernel; null where it says the same of the same line. */
  other: Record<string, Said | null>;
}

export function rows(kernels: readonly RecordedKernel[]): Row[] {
  return [...rejectedPrograms].sort().map((name) => {
    const own = ownVerdict(name);
    const other: Row['other'] = {};
    for (const kernel of kernels) {
      const found = said(kernel.verdicts.find((v) => v.name === name)!);
      const same =
        found.verdict === own.verdict && found.category === own.category && lineOf(found.place) === lineOf(own.place);
      other[kernel.name] = same ? null : found;
    }
    return { name, own, other };
  });
}

export function reasonFor(name: string, kernel: string): string | undefined {
  return reasons[name]?.[kernel];
}

/** Every reason that is written down, as "program kernel". */
export const allReasons = (): string[] =>
  Object.entries(reasons).flatMap(([name, of]) => Object.keys(of).map((kernel) => `${name} ${kernel}`));

export function kernelPage(kernels: readonly RecordedKernel[]): string {
  const table = rows(kernels);
  const cell = (found: Said, own: Said | null): string => {
    if (found.verdict === 'accepted') return '**accepted**';
    const line = own && lineOf(found.place) === lineOf(own.place) ? '' : `, ${lineWords(found.place)}`;
    const category = own && found.category === own.category ? 'same' : `\`${found.category}\``;
    return `${category}${line}`;
  };
  const summary = kernels.map(({ name, release, verdicts }) => {
    const same = table.filter((row) => row.other[name] === null).length;
    const cpu = [...new Set(verdicts.map((v) => v.cpu))].join(', ');
    return `| ${name} | ${release} | ${cpu} | ${same} | ${table.length - same} |`;
  });
  const lines = table.map(({ name, own, other }) => {
    const cells = kernels.map(({ name: kernel }) => {
      const found = other[kernel] ?? null;
      return found === null ? '=' : cell(found, own);
    });
    return `| \`${name}\` | ${cell(own, null)} | ${cells.join(' | ')} |`;
  });
  const why = table.flatMap(({ name, other }) => {
    const byReason = new Map<string, string[]>();
    for (const kernel of Object.keys(other).filter((k) => other[k] !== null)) {
      const reason = reasonFor(name, kernel) ?? '';
      byReason.set(reason, [...(byReason.get(reason) ?? []), kernel]);
    }
    return [...byReason].map(([reason, on]) => `- \`${name}\` on ${on.join(' and ')}: ${reason}`);
  });
  return `# The verifier's verdicts by kernel

<!-- Made by \`npx vitest run --project unit core/src/verifier/kernels.test.ts -u\` from test/fixtures/rejected. -->

The set of rejected programs (\`test/fixtures/rejected\`) as the verifiers of several kernels judge it, and as Ringside explains
what they say: the category of the reason (\`docs/verifier.md\`) and the C line. Each program is built for the kernel that is
asked, as \`ringside verify\` does it. Linux ${OWN_KERNEL} is the reference; \`=\` is the same category on the same line of C.

The logs were taken in virtual machines with Debian's kernels (\`test/hosts/verdicts.vmtest.ts\`) and are kept in
\`test/fixtures/rejected/kernels\`; where a log has more than a few hundred lines (\`complex\`), its middle is left out.

| kernel | release | -mcpu | same | other |
| --- | --- | --- | --- | --- |
${summary.join('\n')}

| program | ${OWN_KERNEL} | ${kernels.map((k) => k.name).join(' | ')} |
| --- | --- | ${kernels.map(() => '---').join(' | ')} |
${lines.join('\n')}

## Where they differ

${why.join('\n')}
`;
}

function lineWords(place: string): string {
  const [file, line] = place.split(':');
  return file?.endsWith('.h') ? `line ${line} of ${file}` : `line ${line}`;
}
