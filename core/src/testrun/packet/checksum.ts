/** The checksum of the Internet protocols (RFC 1071). */

/** Sum of 16-bit big-endian words, not folded yet: partial sums may be added. An odd last byte counts as its high half. */
export function sumWords(bytes: Uint8Array, from = 0, to = bytes.length): number {
  let sum = 0;
  for (let at = from; at < to; at += 2) sum += (bytes[at]! << 8) | (at + 1 < to ? bytes[at + 1]! : 0);
  return sum;
}

/** What stands in the header: the one's complement of the folded sum. */
export function foldChecksum(sum: number): number {
  let folded = sum;
  while (folded > 0xffff) folded = Math.floor(folded / 0x10000) + (folded & 0xffff);
  return ~folded & 0xffff;
}
