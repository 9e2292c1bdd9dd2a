/** The walkthrough from the installed extension to the first live trace. Pure data, no vscode at run time. */
import { Command, ContextKey, PanelType, View, walkthroughId } from './contributions.ts';
import type { CommandId } from './contributions.ts';

interface Step {
  id: string;
  title: string;
  description: string[];
  /** Buttons below the description, each a command. */
  buttons: [title: string, command: CommandId | 'workbench.trust.manage' | `${string}.focus`][];
  /** What the picture shows, for who does not see it. Its colours are the theme's. */
  picture: string;
  /** What completes the step beside its commands. */
  events?: string[];
  when?: string;
}

const trusted = 'isWorkspaceTrusted';

const steps: Step[] = [
  {
    id: 'trust',
    title: 'Trust the folder',
    description: [
      'In Restricted Mode programs are shown and explained, but nothing is compiled and no host is reached. Trust folders whose build files you would run in a terminal too.',
    ],
    buttons: [['Manage Workspace Trust', 'workbench.trust.manage']],
    picture: 'What works in a folder that is not trusted: reading, completion and help.',
    events: [`onContext:${trusted}`],
    when: `!${trusted}`,
  },
  {
    id: 'host',
    title: 'Choose a host',
    description: [
      '`local` is this machine; every other host comes from your ssh config. Nothing is installed by hand, no port is opened, and the host’s key is checked before you are asked for any password.',
      'A host that is not there yet is added to the ssh config for you.',
    ],
    buttons: [
      ['Connect to Host', Command.hostEnter],
      ['Add Host to ssh Config', Command.hostAdd],
    ],
    picture: 'The Hosts view: this machine and three hosts of the ssh config, with kernel and architecture.',
  },
  {
    id: 'doctor',
    title: 'See what the host can do',
    description: [
      'The doctor tries what programs need: kernel types, rights, ways to attach, and the compiler of this machine. What is missing comes with what to do about it.',
    ],
    buttons: [['Check the Host', Command.hostDoctor]],
    picture: 'The doctor of a host: a line for each check, with a mark, what was found and why it matters.',
  },
  {
    id: 'create',
    title: 'Take a program from the gallery',
    description: [
      'Small, complete probes in plain libbpf C: which programs start, which files are opened, how long the disk takes. Choose one, and a copy of it is yours.',
    ],
    buttons: [['New Program', Command.snippetCreate]],
    picture: 'A program in the editor, with Attach and Verify in the line above it.',
  },
  {
    id: 'attach',
    title: 'Attach it',
    description: [
      'With the program open press F5, or **Attach** above it: it is built for that host’s kernel, loaded and attached. Shift+F5 detaches; when the editor goes away, nothing stays attached.',
    ],
    buttons: [['Attach', Command.attach]],
    picture: 'An attached program: the line above it says how often it runs and what that costs.',
    events: [`onContext:${ContextKey.running}`],
  },
  {
    id: 'rows',
    title: 'Look at the rows',
    description: [
      'One row an event, typed by the program’s own structures. Filter as you would write it in C: `pid == 4242 && comm ~ "^nginx"`. The last line always says how many events there were, how many of them were lost, and what the probe costs.',
    ],
    buttons: [
      ['Open Trace', Command.runOpen],
      ['Show Runs', `${View.runs}.focus`],
    ],
    picture: 'The trace panel: a filter, rows with time, host, process and file, and the account of all events.',
    events: [`onContext:activeWebviewPanelId == ${PanelType.trace}`],
  },
  {
    id: 'verify',
    title: "Ask the host's verifier",
    description: [
      'The kernel decides whether a program may run. **Verify** loads the program, shows the verdict above it and drops it again. A rejection stands at the line that caused it, in your variables’ words, often with a quick fix. With `ringside.verifyOnSave` it happens on every save.',
    ],
    buttons: [['Verify', Command.verify]],
    picture: 'A rejected program: the faulty line, why it was rejected, and the repair.',
  },
  {
    id: 'explore',
    title: 'Follow the verifier’s path',
    description: [
      'Source, instructions and the state of each register side by side, step by step along the path that the verifier took. Saved logs open too.',
    ],
    buttons: [
      ['Explore the Verdict', Command.explore],
      ['Open Verifier Log', Command.openVerifierLog],
    ],
    picture: 'The verifier explorer: C source, instructions and register states in three columns.',
  },
];

export const walkthroughs = [
  {
    id: walkthroughId,
    title: 'First probe with Ringside',
    description: 'From the installed extension to live kernel events.',
    steps: steps.map(({ id, title, description, buttons, picture, events = [], when }) => ({
      id,
      title,
      description: [...description, ...buttons.map(([label, command]) => `[${label}](command:${command})`)].join('\n'),
      media: { svg: `extension/media/walkthrough/${id}.svg`, altText: picture },
      completionEvents: [
        ...events,
        // A command that only shows where to go completes nothing.
        ...buttons.flatMap(([, command]) => (command.startsWith('ringside.') ? [`onCommand:${command}`] : [])),
      ],
      ...(when === undefined ? {} : { when }),
    })),
  },
];
