/** Tasks in the manifest, and how their output becomes problems. Pure data, no vscode at run time. */
import { buildMatcher, problemMatcher, taskKinds, taskType } from './contributions.ts';

export const taskDefinitions = [
  {
    type: taskType,
    required: ['task', 'file'],
    properties: {
      task: {
        type: 'string',
        enum: taskKinds,
        enumDescriptions: [
          'Compile the program for the kernel of the host.',
          "Ask the host's verifier; nothing is attached.",
          'Run the tests that stand in NAME.bpf.test.json beside the program; nothing is attached.',
        ],
        description: 'What is done with the program.',
      },
      file: {
        type: 'string',
        description: 'The .bpf.c source, relative to the workspace folder. Variables such as ${file} are possible.',
      },
      host: {
        type: ['string', 'array'],
        items: { type: 'string' },
        description:
          '"local", an alias of the ssh config, or user@host[:port]; for verify and test several, as a list or separated by commas. The host that was chosen for the file when left out, else this machine.',
      },
      args: {
        type: 'array',
        items: { type: 'string' },
        description: 'Further arguments of the ringside command, such as "--program" and "NAME".',
      },
    },
  },
];

const patternName = 'ringside';

/**
 * FILE:LINE:COLUMN: SEVERITY: MESSAGE [CODE]. In front of it stand the spaces of a verdict, or the bar that sets a
 * compiler's lines apart from an error's own words.
 */
const line = '^\\s*(?:\\| )?(\\S.*?):(\\d+):(\\d+): (?:fatal )?(error|warning|note): (.*?)(?: \\[([^\\]\\s]+)\\])?$';

export const problemPatterns = [
  { name: patternName, regexp: line, file: 1, line: 2, column: 3, severity: 4, message: 5, code: 6 },
];

const matcher = (name: string, label: string, applyTo: 'allDocuments' | 'closedDocuments') => ({
  name: name.slice(1),
  label,
  owner: name.slice(1),
  source: 'ringside',
  applyTo,
  fileLocation: ['autoDetect', '${workspaceFolder}'],
  pattern: `$${patternName}`,
});

export const problemMatchers = [
  matcher(problemMatcher, 'Ringside: compiler and verifier', 'allDocuments'),
  matcher(buildMatcher, 'Ringside: compiler, for files that are not open', 'closedDocuments'),
];
