/** Numbers of 64 bits that came a short while ago: most come again and again. Forgets some, never says of a new one that it came. */
export class Seen {
  private readonly high = new Uint32Array(PLACES);
  private readonly low = new Uint32Array(PLACES);
  private readonly taken = new Uint8Array(PLACES);
  private by: object | undefined;

  /** It came before, and went to the same set; the next time it has. */
  before(by: object, high: number, low: number): boolean {
    if (by !== this.by) {
      this.taken.fill(0);
      this.by = by;
    }
    const place = (Math.imul(low ^ Math.imul(high, 0x85eb_ca6b), 0x9e37_79b1) >>> SHIFT) | 0;
    if (this.taken[place] === 1 && this.low[place] === low && this.high[place] === high) return true;
    this.taken[place] = 1;
    this.high[place] = high;
    this.low[place] = low;
    return false;
  }
}

const PLACES = 1024;
const SHIFT = 22;
