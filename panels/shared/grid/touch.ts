/** Scrolls by a finger: follows it, and glides on when it is lifted (unless the user wants less motion). */
export class TouchScroll {
  readonly #scroll: (pixels: number) => void;
  #finger: { id: number; y: number; time: number; speed: number } | null = null;
  #glide = 0;

  constructor(element: HTMLElement, scroll: (pixels: number) => void) {
    this.#scroll = scroll;
    element.addEventListener('pointerdown', (event) => this.#down(event));
    element.addEventListener('pointermove', (event) => this.#move(event));
    element.addEventListener('pointerup', (event) => this.#up(event));
    element.addEventListener('pointercancel', () => (this.#finger = null));
  }

  dispose(): void {
    cancelAnimationFrame(this.#glide);
  }

  #down(event: PointerEvent): void {
    cancelAnimationFrame(this.#glide);
    if (event.pointerType !== 'touch') return;
    this.#finger = { id: event.pointerId, y: event.clientY, time: event.timeStamp, speed: 0 };
  }

  #move(event: PointerEvent): void {
    const finger = this.#finger;
    if (finger === null || finger.id !== event.pointerId) return;
    const way = finger.y - event.clientY;
    const time = Math.max(1, event.timeStamp - finger.time);
    finger.speed = 0.6 * (way / time) + 0.4 * finger.speed;
    finger.y = event.clientY;
    finger.time = event.timeStamp;
    if (way !== 0) this.#scroll(way);
  }

  #up(event: PointerEvent): void {
    const finger = this.#finger;
    this.#finger = null;
    if (finger === null || event.timeStamp - finger.time > 80) return;
    if (matchMedia('(prefers-reduced-motion: reduce)').matches) return;
    this.#glideOn(finger.speed);
  }

  /** @param speed pixels per millisecond. */
  #glideOn(speed: number): void {
    let before = performance.now();
    let current = speed;
    const step = (now: number): void => {
      const time = Math.min(40, now - before);
      before = now;
      this.#scroll(current * time);
      current *= Math.exp(-time / 325);
      if (Math.abs(current) > 0.02) this.#glide = requestAnimationFrame(step);
    };
    this.#glide = requestAnimationFrame(step);
  }
}
