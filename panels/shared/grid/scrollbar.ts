import { type ScrollModel, thumbOf, topOfThumb } from './scroller.ts';

/** The grid's own vertical scrollbar: a thumb that is dragged, a track that jumps to where it is pressed. */
export class Scrollbar {
  readonly element: HTMLElement;
  readonly #thumb: HTMLElement;
  readonly #model: ScrollModel;
  readonly #scrolled: (top: number) => void;
  #track = 0;
  #marks: readonly number[] = [];
  /** Rows of the view when the marks were placed. */
  #markedRows = -1;
  /** Distance between pointer and thumb's upper edge while it is dragged. */
  #grip: number | null = null;

  constructor(model: ScrollModel, scrolled: (top: number) => void) {
    this.#model = model;
    this.#scrolled = scrolled;
    this.element = document.createElement('div');
    this.element.className = 'vbar';
    // A grid has rows alone, and this is for the pointer: where one is, the rows say by aria-rowindex.
    this.element.setAttribute('aria-hidden', 'true');
    this.#thumb = document.createElement('div');
    this.#thumb.className = 'thumb';
    this.element.append(this.#thumb);
    this.element.addEventListener('pointerdown', (event) => this.#press(event));
    this.element.addEventListener('pointermove', (event) => this.#drag(event));
    for (const end of ['pointerup', 'pointercancel'] as const) {
      this.element.addEventListener(end, () => this.#release());
    }
  }

  get dragging(): boolean {
    return this.#grip !== null;
  }

  /** Rows that are marked, by their index. */
  setMarks(indices: readonly number[]): void {
    this.#marks = indices;
    this.#markedRows = -1;
    this.paint();
  }

  resize(track: number): void {
    this.#track = track;
    this.paint();
  }

  paint(): void {
    const thumb = thumbOf(this.#model, this.#track);
    this.element.classList.toggle('needed', thumb.needed);
    this.#thumb.style.height = `${thumb.size}px`;
    this.#thumb.style.transform = `translateY(${thumb.offset}px)`;
    if (this.#markedRows !== this.#model.rows) this.#placeMarks();
  }

  #placeMarks(): void {
    const { rows } = this.#model;
    this.#markedRows = rows;
    const marks = this.#marks.map((index) => {
      const mark = document.createElement('div');
      mark.className = 'bar-mark';
      mark.style.top = `${(100 * Math.min(rows, index + 0.5)) / Math.max(1, rows)}%`;
      return mark;
    });
    this.element.replaceChildren(this.#thumb, ...marks);
  }

  #press(event: PointerEvent): void {
    if (event.button !== 0) return;
    const y = event.clientY - this.element.getBoundingClientRect().top;
    const thumb = thumbOf(this.#model, this.#track);
    const onThumb = y >= thumb.offset && y < thumb.offset + thumb.size;
    this.#grip = onThumb ? y - thumb.offset : thumb.size / 2;
    this.element.setPointerCapture(event.pointerId);
    this.element.classList.add('dragging');
    if (!onThumb) this.#scrolled(topOfThumb(this.#model, this.#track, y - this.#grip));
    // Neither a text selection nor a focus change should come of it.
    event.preventDefault();
  }

  #drag(event: PointerEvent): void {
    if (this.#grip === null) return;
    const y = event.clientY - this.element.getBoundingClientRect().top;
    this.#scrolled(topOfThumb(this.#model, this.#track, y - this.#grip));
  }

  #release(): void {
    this.#grip = null;
    this.element.classList.remove('dragging');
  }
}
