import { type GridCommand, gridCommand } from './keyboard.ts';
import { wheelRows } from './scroller.ts';
import { TouchScroll } from './touch.ts';

/** What pointers and keys want of the grid. */
export interface GridTarget {
  /** Pixels of a row, rows of a view. */
  measures(): { rowHeight: number; viewRows: number };
  scrollBy(rows: number): void;
  press(event: MouseEvent): void;
  contextMenu(event: MouseEvent): void;
  hover(event: PointerEvent): void;
  open(): void;
  command(command: GridCommand): void;
}

/** Listens to wheel, pointers, fingers and keys. @returns what stops it. */
export function listenToInput(grid: HTMLElement, body: HTMLElement, target: GridTarget): () => void {
  grid.addEventListener('keydown', (event) => {
    const command = gridCommand(event);
    if (command === null) return;
    event.preventDefault();
    target.command(command);
  });
  const onWheel = (event: WheelEvent): void => {
    // Ctrl+wheel is zoom, a sideways wheel is the browser's.
    if (event.ctrlKey || event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) return;
    event.preventDefault();
    const { rowHeight, viewRows } = target.measures();
    target.scrollBy(wheelRows(event, rowHeight, viewRows));
  };
  grid.addEventListener('wheel', onWheel, { passive: false });
  body.addEventListener('pointerdown', (event) => {
    if (event.pointerType !== 'touch') target.press(event);
  });
  // A finger that scrolls presses too; only one that taps selects.
  body.addEventListener('click', (event) => {
    if (event instanceof PointerEvent && event.pointerType === 'touch') target.press(event);
  });
  body.addEventListener('dblclick', () => target.open());
  body.addEventListener('contextmenu', (event) => {
    event.preventDefault();
    target.contextMenu(event);
  });
  body.addEventListener('pointerover', (event) => target.hover(event));
  const touch = new TouchScroll(body, (pixels) => target.scrollBy(pixels / target.measures().rowHeight));
  return () => touch.dispose();
}
