/** Names that only the host of a row knows: of its users, of its kernel's addresses, of the places on a stack. */
export interface HostNames {
  /** null: has none, or it is not known yet. */
  user(id: number): string | null;
  group(id: number): string | null;
  /** "schedule", "schedule+0x4"; null for what is no address of code or data. */
  symbol(address: bigint): string | null;
  /** The addresses of a stack in a stack map, the innermost first. */
  stack(map: string, id: number): readonly bigint[] | null;
}
