/** The agent's text of all that programs can attach to: as messages, a kernel's 60,000 functions would hold everything else up. */

export interface PointLine {
  name: string;
  /** Offset and size in bytes. */
  fields: { name: string; type: string; offset: number; size: number }[];
}

/** `ListTargets.as_text`: a line each, the name and then name, type, offset and size of each field, with tabs between them. */
export function readPointLines(text: string): PointLine[] {
  const lines = text.split('\n');
  // What follows the last line end is no line.
  lines.pop();
  return lines.map(readLine);
}

function readLine(line: string): PointLine {
  const [name = '', ...rest] = line.split('\t');
  const fields: PointLine['fields'] = [];
  for (let at = 0; at + 3 < rest.length; at += 4)
    fields.push({ name: rest[at]!, type: rest[at + 1]!, offset: Number(rest[at + 2]), size: Number(rest[at + 3]) });
  return { name, fields };
}
