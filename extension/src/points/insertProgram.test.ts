import { describe, expect, test, vi } from 'vitest';
import { insertionOf } from './insertProgram.ts';

vi.mock('vscode', () => import('../test/vscodeMock.ts'));

const start = {
  section: 'kprobe/vfs_read',
  name: 'handle_vfs_read',
  text: 'SEC("kprobe/vfs_read")\nint BPF_KPROBE(handle_vfs_read, struct file *file)\n{\n\treturn 0;\n}\n',
};

function applied(source: string) {
  const { edits, cursor } = insertionOf(source, start);
  const text = [...edits].reverse().reduce((to, { at, text: added }) => to.slice(0, at) + added + to.slice(at), source);
  return { text, at: text.slice(cursor, cursor + 10) };
}

describe('a program put into a source', () => {
  test('stands at its end, with the headers that it needs, and the cursor in its body', () => {
    const { text, at } = applied('#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n\nint x;\n');
    expect(text).toBe(
      `#include "vmlinux.h"\n#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n\nint x;\n\n${start.text}`,
    );
    expect(at).toBe('\treturn 0;');
  });

  test('has a name of its own when there is one like it', () => {
    const source =
      '#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\nint handle_vfs_read;\nint handle_vfs_read2;\n\n';
    expect(applied(source).text).toBe(source + start.text.replace('handle_vfs_read', 'handle_vfs_read3'));
  });

  test('keeps the line ends of the source, and works in an empty one', () => {
    const crlf = applied('#include <bpf/bpf_helpers.h>\r\n');
    expect(crlf.text.replaceAll('\r\n', '')).not.toContain('\n');
    expect(crlf.at).toBe('\treturn 0;');
    const empty = applied('');
    expect(empty.text.startsWith('#include <bpf/bpf_helpers.h>\n#include <bpf/bpf_tracing.h>\n\nSEC(')).toBe(true);
    expect(empty.at).toBe('\treturn 0;');
  });
});
