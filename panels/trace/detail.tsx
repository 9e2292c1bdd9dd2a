import type { RowDetail } from '@ringside/core/model';
import type { JSX } from 'preact';
import { useRef, useState } from 'preact/hooks';
import { clockOfCell, count, visible } from '../shared/format.ts';
import { IconButton } from '../shared/iconButton.tsx';
import type { TraceState } from './state.ts';
import { SelectionFigures } from './tools/selectionFigures.tsx';

const LEAST_HEIGHT = 80;
const START_HEIGHT = 220;
/** Fields and hex of one record that become elements; a record is at most some kilobytes, but who knows. */
const MOST_FIELDS = 1000;
const LONGEST_VALUE = 10_000;
const LONGEST_HEX = 60_000;

export interface DetailProps {
  state: TraceState;
  close: () => void;
}

/** One record with all its fields, their types and its bytes. */
export function Detail({ state, close }: DetailProps): JSX.Element {
  const [height, setHeight] = useState(START_HEIGHT);
  const detail = state.detail.value;
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.key !== 'Escape') return;
    event.stopPropagation();
    close();
  };
  return (
    <section class="detail" aria-label="Row detail" style={{ height: `${height}px` }} onKeyDown={onKeyDown}>
      <Separator height={height} setHeight={setHeight} />
      <div class="detail-head">
        <h2>{detail === null ? 'Row detail' : visible(detail.record === '' ? 'Row' : detail.record, 200)}</h2>
        {detail !== null && (
          <span class="detail-what">
            row {count(detail.seq)} · {visible(clockOfCell(detail.time), 60)}
          </span>
        )}
        <IconButton icon="close" label="Close the row detail" keys="Enter" onPress={close} />
      </div>
      <SelectionFigures state={state} tools={state.tools} />
      {detail === null ? (
        <p class="detail-none">Select a row to see its fields, their types and its bytes.</p>
      ) : (
        <div class="detail-body" tabIndex={0} aria-label="Fields and bytes">
          <Fields detail={detail} declaration={(path) => state.showDeclaration(detail.record, path)} />
          {detail.hex !== '' && <pre class="hex">{visibleLines(detail.hex)}</pre>}
        </div>
      )}
    </section>
  );
}

interface FieldsProps {
  detail: RowDetail;
  /** Goes to where the source declares a field. */
  declaration: (path: string) => void;
}

function Fields({ detail, declaration }: FieldsProps): JSX.Element {
  const fields = detail.fields.slice(0, MOST_FIELDS);
  return (
    <table class="fields">
      <thead>
        <tr>
          <th scope="col">field</th>
          <th scope="col">value</th>
          <th scope="col">type</th>
          <th scope="col" class="right">
            offset
          </th>
        </tr>
      </thead>
      <tbody>
        {fields.map((field) => (
          <tr key={field.path}>
            <th scope="row">
              {detail.record === '' ? (
                visible(field.path, 300)
              ) : (
                <button
                  type="button"
                  class="declared"
                  title="Go to its declaration in the source"
                  onClick={() => declaration(field.path)}
                >
                  {visible(field.path, 300)}
                </button>
              )}
            </th>
            <td class="value">{visible(field.text, LONGEST_VALUE)}</td>
            <td class="type">{visible(field.type, 300)}</td>
            <td class="right" title={`${field.size} bytes`}>
              {field.offset}
            </td>
          </tr>
        ))}
      </tbody>
      {detail.fields.length > MOST_FIELDS && (
        <caption>
          The first {MOST_FIELDS} of {detail.fields.length} fields.
        </caption>
      )}
    </table>
  );
}

/** Line ends of a hex dump are layout; any other control character is made visible. */
function visibleLines(hex: string): string {
  return hex
    .slice(0, LONGEST_HEX)
    .split('\n')
    .map((line) => visible(line))
    .join('\n');
}

interface SeparatorProps {
  height: number;
  setHeight: (height: number) => void;
}

/** The upper edge: dragged, or moved with the arrow keys. */
function Separator({ height, setHeight }: SeparatorProps): JSX.Element {
  const drag = useRef<{ y: number; height: number } | null>(null);
  const most = Math.max(LEAST_HEIGHT, Math.round(innerHeight * 0.7));
  const clamp = (wanted: number): void => setHeight(Math.min(most, Math.max(LEAST_HEIGHT, Math.round(wanted))));
  return (
    <div
      class="separator"
      role="separator"
      aria-orientation="horizontal"
      aria-label="Height of the row detail"
      aria-valuenow={height}
      aria-valuemin={LEAST_HEIGHT}
      aria-valuemax={most}
      tabIndex={0}
      onPointerDown={(event) => {
        drag.current = { y: event.clientY, height };
        event.currentTarget.setPointerCapture(event.pointerId);
      }}
      onPointerMove={(event) => {
        if (drag.current !== null) clamp(drag.current.height + drag.current.y - event.clientY);
      }}
      onPointerUp={() => (drag.current = null)}
      onPointerCancel={() => (drag.current = null)}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowUp' && event.key !== 'ArrowDown') return;
        event.preventDefault();
        clamp(height + (event.key === 'ArrowUp' ? 20 : -20));
      }}
    />
  );
}
