/** The trend of an entry as a small line: drawn, because no font's block characters are of one size everywhere. */
const WIDTH = 100;
const HEIGHT = 14;
const NAMESPACE = 'http://www.w3.org/2000/svg';

/** The path of the numbers, the newest on the right; all that is known of them in words. */
export function sparkPath(values: readonly number[], width = WIDTH, height = HEIGHT): string {
  if (values.length === 0) return '';
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  const y = (value: number): number =>
    high === low ? height - 1 : height - 1 - ((value - low) / (high - low)) * (height - 2);
  return values.map((value, i) => `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${y(value).toFixed(1)}`).join('');
}

/** "now 12, from 0 to 340 a second" */
export function sparkWords(values: readonly number[]): string {
  if (values.length === 0) return '';
  return `now ${values.at(-1)!}, from ${Math.min(...values)} to ${Math.max(...values)} a second`;
}

export const numbersOf = (text: string): number[] =>
  text === '' ? [] : text.split(',').map(Number).filter(Number.isFinite);

/** Draws a cell's text of numbers as a line into the cell; without numbers there is no picture, and none to be named. */
export function drawSpark(cell: HTMLElement, text: string): void {
  const values = numbersOf(text);
  if (values.length === 0) {
    cell.replaceChildren();
    return;
  }
  let svg = cell.firstElementChild;
  if (!(svg instanceof SVGSVGElement)) {
    svg = document.createElementNS(NAMESPACE, 'svg');
    svg.setAttribute('class', 'cell-spark');
    svg.setAttribute('viewBox', `0 0 ${WIDTH} ${HEIGHT}`);
    svg.setAttribute('preserveAspectRatio', 'none');
    svg.setAttribute('role', 'img');
    svg.append(document.createElementNS(NAMESPACE, 'path'));
    cell.replaceChildren(svg);
  }
  svg.firstElementChild!.setAttribute('d', sparkPath(values));
  svg.setAttribute('aria-label', sparkWords(values));
}
