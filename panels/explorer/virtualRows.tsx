import type { ComponentChildren, JSX } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { contentHeight, positionOf, revealed, ROW, rowsAt } from './scrolling.ts';

export interface VirtualRowsProps {
  label: string;
  count: number;
  /** The row that is chosen; kept in view when it changes. -1 = none. */
  active: number;
  /** Rows come into view. */
  want: (from: number, to: number) => void;
  /** What is read out of a row is what stands in it: its content says in words what signs and places mean. */
  row: (index: number) => { content: ComponentChildren; className?: string };
  onChoose: (index: number) => void;
  /** What identifies the list: another one begins at its active row. */
  name: string;
  id: string;
}

/** A list of any length of which only the rows in view exist. The list has the keyboard, not its rows. */
export function VirtualRows(props: VirtualRowsProps): JSX.Element {
  const { label, count, active, want, row, onChoose, name, id } = props;
  const box = useRef<HTMLDivElement>(null);
  const [view, setView] = useState({ top: 0, hidden: 0, height: 400 });

  const look = (): void => {
    const { scrollTop = 0, clientHeight: height = 400 } = box.current ?? {};
    const { top, hidden } = rowsAt(count, height, scrollTop);
    setView((old) =>
      old.top === top && old.hidden === hidden && old.height === height ? old : { top, hidden, height },
    );
  };

  useEffect(() => {
    const observer = new ResizeObserver(look);
    observer.observe(box.current!);
    return () => observer.disconnect();
  });
  useLayoutEffect(() => {
    const element = box.current!;
    if (active >= 0) {
      const to = revealed(count, element.clientHeight, rowsAt(count, element.clientHeight, element.scrollTop), active);
      if (to !== null) element.scrollTop = to;
    }
    look();
  }, [active, name, count]);

  const first = Math.max(0, view.top - 2);
  const last = Math.min(count, view.top + Math.ceil(view.height / ROW) + 3);
  useEffect(() => want(first, last), [first, last, name, want]);

  const scroll = (rows: number): void => {
    const element = box.current!;
    element.scrollTop = positionOf(count, element.clientHeight, Math.max(0, view.top + rows));
  };
  const onWheel = (event: WheelEvent): void => {
    // Where pixels stand for many rows each, the wheel still moves by some rows.
    if (contentHeight(count) === count * ROW || event.ctrlKey) return;
    event.preventDefault();
    scroll(Math.sign(event.deltaY) * 3);
  };

  const shown: JSX.Element[] = [];
  for (let index = first; index < last; index++) {
    const { content, className = '' } = row(index);
    shown.push(
      <div
        key={index}
        id={`${id}-${index}`}
        role="option"
        class={`row ${className} ${index === active ? 'active' : ''}`}
        style={{ top: `${(index - view.top) * ROW - view.hidden}px` }}
        aria-selected={index === active}
        aria-setsize={count}
        aria-posinset={index + 1}
        onClick={() => onChoose(index)}
      >
        {content}
      </div>,
    );
  }
  return (
    <div
      ref={box}
      class="rows"
      role="listbox"
      tabIndex={0}
      aria-label={label}
      aria-activedescendant={active >= first && active < last ? `${id}-${active}` : undefined}
      onScroll={look}
      onWheel={onWheel}
    >
      <div class="rows-height" style={{ height: `${contentHeight(count)}px` }}>
        <div class="rows-view" style={{ height: `${view.height}px` }}>
          {shown}
        </div>
      </div>
    </div>
  );
}
