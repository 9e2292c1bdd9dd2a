/** What a test said and did, as text for the Test Results terminal. Pure: no vscode. */
import type { TestDifference, TestResult } from '@ringside/core/model';

/** Lines end as terminals need it. */
export function outputLines(result: TestResult, host: string): string {
  const { name, program, returned, nanosPerRun, repeat, prints, printsUnknown, records, data } = result;
  const lines = [`${name} (${program} on ${host})`];
  if (result.error) lines.push(`  ${result.error.message}`, `  ${result.error.remedy}`);
  if (returned) {
    const time = nanosPerRun === null ? '' : `, ${nanosPerRun} ns${repeat > 1 ? ` each of ${repeat}` : ''}`;
    lines.push(`  returned ${returned.value}${returned.name === null ? '' : ` (${returned.name})`}${time}`);
  }
  if (data.summary !== null) lines.push(`  packet afterwards: ${data.summary}`);
  for (const text of prints) lines.push(`  bpf_printk: ${text}`);
  if (printsUnknown !== '') lines.push(`  bpf_printk: ${printsUnknown}`);
  for (const [stream, all] of Object.entries(records))
    for (const record of all) lines.push(`  ${stream}: ${JSON.stringify(record)}`);
  for (const one of result.differences) lines.push(`  ${one.path}: expected ${one.expected}, but it is ${one.actual}`);
  return lines.filter((line) => line.trim() !== '').join('\r\n') + '\r\n';
}

/** "ipv4.ttl is 8, expected 9" */
export function differenceText({ path, expected, actual }: TestDifference): string {
  return `${path} is ${actual}, expected ${expected}`;
}

/** A whole packet for the difference view: a line of sixteen bytes each. */
export function packetText(hex: string): string {
  const bytes = hex.match(/../g) ?? [];
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16)
    lines.push(`${at.toString(16).padStart(4, '0')}  ${bytes.slice(at, at + 16).join(' ')}`);
  return lines.join('\n');
}

/** What a difference shows side by side: where only bytes can tell it, the packet. */
export function sides(result: TestResult, difference: TestDifference): { expected: string; actual: string } {
  const { expected, out } = result.data;
  if (difference.what === 'data' && difference.path.startsWith('bytes[') && expected !== null && out !== null)
    return { expected: packetText(expected), actual: packetText(out) };
  return { expected: difference.expected, actual: difference.actual };
}
