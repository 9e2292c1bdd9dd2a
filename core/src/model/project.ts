/** A project of its own from a program: what is asked, and what it would consist of. */
export interface ProjectRequest {
  /** The .bpf.c source, as it is on the disk. */
  file: string;
  language: 'c' | 'go' | 'rust';
  /** The folder that it goes to; made when it does not exist. */
  dir: string;
}

export interface ProjectPlan {
  /** Absolute. */
  dir: string;
  /** Of the project and its program: a C identifier. */
  name: string;
  language: ProjectRequest['language'];
  /** Paths are relative to `dir`, with "/", in their order. */
  files: { path: string; text: string }[];
  /** Which of them exist already: then nothing can be written. */
  existing: string[];
}
