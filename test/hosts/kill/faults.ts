/** What dies, stops or is cut, on whichever side: the rows of the kill matrix. */
import type { RunningCli } from '../../integration/support/cli.ts';

/** What a fault strikes. */
export interface Victims {
  workers: number[];
  supervisors: number[];
  /** Commands that cut the network between client and host without a word to either, and mend it. */
  cut: string;
  mend: string;
}

export interface Fault {
  name: string;
  /** A command of the host. */
  host?: (victims: Victims) => string;
  client?: (cli: RunningCli) => void;
  /** Undoes it, once everything is measured. */
  heal?: (cli: RunningCli) => void;
  halfOpen?: true;
}

/** Kills the process of sshd that a supervisor was started by, and nothing else: what it carried stays, as in real life. */
const killSession = ({ supervisors }: Victims): string => `p=${supervisors[0]}
while :; do
  read -r stat </proc/$p/stat; set -- \${stat##*) }; p=$2
  read -r name </proc/$p/comm
  case $name in sshd*) break;; esac
done
kill -9 $p`;

const kill = (signal: string, pids: number[]): string => `kill -${signal} ${pids.join(' ')}`;

export const faults: Fault[] = [
  { name: 'kill -9 worker', host: ({ workers }) => kill('KILL', workers) },
  { name: 'kill -9 supervisor', host: ({ supervisors }) => kill('KILL', supervisors) },
  { name: 'kill -9 both', host: ({ workers, supervisors }) => kill('KILL', [...supervisors, ...workers]) },
  { name: "kill -9 sshd's child", host: killSession },
  { name: 'kill -9 client', client: (cli) => cli.child.kill('SIGKILL') },
  { name: 'SIGSTOP worker', host: ({ workers }) => kill('STOP', workers) },
  { name: 'SIGSTOP supervisor', host: ({ supervisors }) => kill('STOP', supervisors) },
  {
    name: 'SIGSTOP client',
    client: (cli) => cli.child.kill('SIGSTOP'),
    heal: (cli) => cli.child.kill('SIGCONT'),
  },
  {
    name: 'half-open TCP',
    // What either side sends is lost: nobody hears of the other's end.
    host: ({ cut }) => cut,
    heal: (cli) => cli.child.kill('SIGKILL'),
    halfOpen: true,
  },
];
