/** What an entry to be added may look like: every member, empty. */
import { compileReader } from '../../events/index.ts';
import type { RecordField } from '../../model/index.ts';
import type { MapTyping } from '../hostTypes.ts';

export function templateOf(map: { keySize: number; valueSize: number; typing: MapTyping }): {
  key: string;
  value: string;
} {
  const { key, value } = map.typing;
  return { key: map.keySize === 0 ? '' : emptyText(key), value: map.valueSize === 0 ? '' : emptyText(value) };
}

function emptyText(field: RecordField): string {
  const zeros = new Uint8Array(field.size);
  const empty = compileReader({ ...field, offset: 0 })(new DataView(zeros.buffer), 0, zeros.length);
  return JSON.stringify(empty);
}
