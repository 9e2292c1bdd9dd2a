/** clang-format's style of programs: the project's, else the kernel's, in which most BPF is written. */
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';

/** The kernel's own .clang-format in short: tabs, eight wide, braces of functions on their own line. */
export const kernelStyle = `BasedOnStyle: LLVM
IndentWidth: 8
TabWidth: 8
ContinuationIndentWidth: 8
UseTab: Always
ColumnLimit: 100
BreakBeforeBraces: Linux
AllowShortFunctionsOnASingleLine: None
AllowShortIfStatementsOnASingleLine: Never
AllowShortLoopsOnASingleLine: false
IndentCaseLabels: false
IndentGotoLabels: false
SortIncludes: Never
Cpp11BracedListStyle: false
AlignConsecutiveMacros: AcrossEmptyLines
ForEachMacros: ['bpf_for', 'bpf_for_each', 'bpf_repeat']
`;

/** True when the project says how its sources are laid out. */
export function hasStyle(file: string): boolean {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (['.clang-format', '_clang-format'].some((name) => existsSync(join(folder, name)))) return true;
    if (dirname(folder) === folder) return false;
  }
}
