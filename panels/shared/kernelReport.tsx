import type { VerdictReason } from '@ringside/core/model';
import type { JSX } from 'preact';
import { visible } from './format.ts';

/** A report has some 50 lines; a kernel that goes on without end is cut here. */
const MOST_LINES = 400;

/** What Linux 7.3 and newer say themselves, as they printed it; nothing for kernels that say nothing. */
export function KernelReport({ reason, open }: { reason: VerdictReason; open: boolean }): JSX.Element | null {
  const { kernelReport: report } = reason;
  if (report === undefined) return null;
  const lines = report.text.split('\n');
  const shown = lines.slice(0, MOST_LINES).map((line) => visible(line.replaceAll('\t', '        ')));
  if (lines.length > MOST_LINES) shown.push(`… ${lines.length - MOST_LINES} more lines are in the log`);
  return (
    <details class="kernel-report" open={open}>
      <summary>The kernel's own report</summary>
      {/* A line that is too long is scrolled to by the keyboard too. */}
      <pre tabIndex={0} aria-label="The kernel's own report">
        {shown.join('\n')}
      </pre>
    </details>
  );
}
