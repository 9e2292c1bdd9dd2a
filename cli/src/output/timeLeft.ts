/** "1 h 58 min" until a time in ns since the Unix epoch; "no time" when it is over. */
export function timeLeft(expires: string, now = Date.now()): string {
  const seconds = Math.round(Number(BigInt(expires) / 1_000_000n - BigInt(now)) / 1000);
  if (seconds <= 0) return 'no time';
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  const rest = minutes % 60;
  if (hours >= 48) return `${Math.floor(hours / 24)} days ${hours % 24} h`;
  return rest === 0 ? `${hours} h` : `${hours} h ${rest} min`;
}
