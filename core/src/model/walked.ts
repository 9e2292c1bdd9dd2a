/** Which lines of a source the verifier walked, in any of the paths that it followed. */
export interface WalkedReport {
  host: string;
  kernel: string;
  /** Programs whose log was cut: lines may be missing. */
  cut: string[];
  /** Programs that were not accepted, with what the host says. */
  refused: { program: string; message: string }[];
  files: WalkedFile[];
}

export interface WalkedFile {
  /** Absolute. */
  file: string;
  /** Every line that became instructions, in order. `walked`: how many of them the verifier walked. */
  lines: { line: number; instructions: number; walked: number }[];
}
