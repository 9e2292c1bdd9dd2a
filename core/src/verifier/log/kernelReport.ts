/** The report that Linux 7.3 and newer append to a rejection (kernel/bpf/diagnostics.c), kept in the kernel's words. */

export interface KernelPlace {
  /** null where the kernel names the instruction only. */
  function: string | null;
  file: string | null;
  line: number | null;
  column: number | null;
  insn: number | null;
  /** "error", "note" …, and what is said there. */
  label: string;
  message: string;
}

export interface KernelReport {
  category: string;
  title: string;
  reason: string;
  /** The instruction that it points at; null when it names none. */
  insn: number | null;
  at: KernelPlace | null;
  causalPath: KernelPlace[];
  /** The causal path's lines as the kernel printed them. */
  causalText: string;
  suggestion: string;
  /** The whole block as the kernel printed it. */
  text: string;
}

const blockHead = /^(Reason|At|Causal path|Suggestion):\s*(.*)$/;

/** `lines` begin with "Verification failed: Category: Title". Never throws; blocks that are missing are empty. */
export function readKernelReport(lines: readonly string[]): KernelReport {
  const [, category = '', title = ''] = /^Verification failed:\s*(?:([^:]*):\s*)?(.*)$/.exec(lines[0] ?? '') ?? [];
  const blocks = new Map<string, string[]>();
  let block: string[] = [];
  for (const line of lines.slice(1)) {
    const head = blockHead.exec(line);
    if (head) {
      block = head[2] ? [head[2]] : [];
      blocks.set(head[1]!, block);
    } else block.push(line);
  }
  const prose = (name: string) =>
    (blocks.get(name) ?? [])
      .map((line) => line.trim())
      .filter((line) => line !== '')
      .join(' ');
  const at = places(blocks.get('At') ?? [])[0] ?? null;
  const causal = blocks.get('Causal path') ?? [];
  return {
    ...{ category, title, reason: prose('Reason'), insn: at?.insn ?? null, at },
    causalPath: places(causal),
    causalText: causal.join('\n').replace(/^\n+|\s+$/g, ''),
    suggestion: prose('Suggestion'),
    text: lines.join('\n').trimEnd(),
  };
}

/** "func @ file.c:12:3" or "insn 7" opens a place; the annotation under the marked line and ">>> 7 |" belong to it. */
function places(lines: readonly string[]): KernelPlace[] {
  const found: KernelPlace[] = [];
  for (const line of lines) {
    const source = /^ {2}(?:(\S+) @ )?(\S.*):(\d+):(\d+)$/.exec(line);
    const bare = /^ {2}insn (\d+)$/.exec(line);
    if (source || bare) {
      found.push({
        function: source?.[1] ?? null,
        file: source?.[2] ?? null,
        line: source ? Number(source[3]) : null,
        column: source ? Number(source[4]) : null,
        insn: bare ? Number(bare[1]) : null,
        ...{ label: '', message: '' },
      });
      continue;
    }
    const place = found.at(-1);
    if (!place) continue;
    const marked = /^\s*\|\s*\^-- (\w[\w ]*?): (.*)$/.exec(line);
    const more = /^\s{4,}\|\s{4,}(\S.*)$/.exec(line);
    const insn = /^\s*>>>\s*(\d+) \| (?=\()/.exec(line);
    if (marked) [place.label, place.message] = [marked[1]!, marked[2]!];
    else if (insn) place.insn ??= Number(insn[1]);
    else if (more && place.message !== '') place.message += ` ${more[1]!}`;
  }
  return found;
}
