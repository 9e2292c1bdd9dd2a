/** Attaching what its section alone does not: with libbpf, to what flags name. */
import type { Lines } from '../lines.ts';
import type { Hook, ProjectModel, TargetKey } from '../model.ts';
import { identifier } from '../names.ts';

const option = (hook: Hook, key: TargetKey): string => `options.${identifier(hook.options[key]!.flag)}`;

/** Statements that attach one program and jump to `out` when that fails. */
export function attachText(lines: Lines, hook: Hook, name: string, direction: 'ingress' | 'egress' | null): void {
  const program = `skel->progs.${hook.program}`;
  const link = `skel->links.${hook.program}`;
  if (hook.kind === 'auto' || hook.kind === 'none') return;
  if (hook.kind === 'tc') {
    const at =
      direction === null ? `strcmp(${option(hook, 'direction')}, "egress") == 0` : String(direction === 'egress');
    lines.add(`err = attach_tc(bpf_program__fd(${program}), ${option(hook, 'iface')}, ${at});`);
  } else if (hook.kind === 'perf_event') {
    lines.add(`err = attach_samples(${program}, atoi(${option(hook, 'freq')}));`);
  } else {
    lines.add(`${link} = ${linkCall(hook, program)};`, `err = ${link} ? 0 : -errno;`);
  }
  lines.add(
    'if (err) {',
    `\tfprintf(stderr, "${name}: ${hook.program} cannot be attached: %s\\n", strerror(-err));`,
    '\tgoto out;',
    '}',
  );
}

function linkCall(hook: Hook, program: string): string {
  const returns = hook.attach.includes('ret');
  switch (hook.kind) {
    case 'xdp':
      return `bpf_program__attach_xdp(${program}, if_nametoindex(${option(hook, 'iface')}))`;
    case 'cgroup':
      return `bpf_program__attach_cgroup(${program}, open_place(${option(hook, 'cgroup')}))`;
    case 'netns':
      return `bpf_program__attach_netns(${program}, open_place(${option(hook, 'netns')}))`;
    case 'uprobe':
      return `attach_function(${program}, atoi(${option(hook, 'pid')}), ${option(hook, 'binary')}, ${option(hook, 'symbol')}, ${returns})`;
    case 'usdt':
      return `bpf_program__attach_usdt(${program}, atoi(${option(hook, 'pid')}), ${option(hook, 'binary')}, ${option(hook, 'provider')}, ${option(hook, 'probe')}, NULL)`;
    case 'kprobe':
      return `bpf_program__attach_kprobe(${program}, ${returns}, ${option(hook, 'func')})`;
    case 'raw_tp':
      return `bpf_program__attach_raw_tracepoint(${program}, ${option(hook, 'event')})`;
    default:
      return `attach_event(${program}, ${option(hook, 'event')})`;
  }
}

/** Functions that the statements call, as far as they are needed. */
export function attachHelpers({ hooks }: ProjectModel): string[] {
  const kinds = new Set(hooks.map((hook) => hook.kind));
  const most = hooks.filter((hook) => hook.kind === 'tc').length;
  return [
    ...(kinds.has('cgroup') || kinds.has('netns') ? [openPlace] : []),
    ...(kinds.has('uprobe') ? [attachFunction] : []),
    ...(kinds.has('tracepoint') ? [attachEvent] : []),
    ...(kinds.has('perf_event') ? [attachSamples] : []),
    ...(kinds.has('tc') ? [attachTc(most)] : []),
  ];
}

const openPlace = `/* A descriptor that lives as long as the program; -1 with errno. */
static int open_place(const char *path)
{
	return open(path, O_RDONLY | O_CLOEXEC);
}`;

const attachFunction = `static struct bpf_link *attach_function(struct bpf_program *program, int pid, const char *binary, const char *symbol, bool returns)
{
	LIBBPF_OPTS(bpf_uprobe_opts, opts, .func_name = symbol, .retprobe = returns);

	return bpf_program__attach_uprobe_opts(program, pid, binary, 0, &opts);
}`;

const attachEvent = `/* CATEGORY:NAME */
static struct bpf_link *attach_event(struct bpf_program *program, const char *event)
{
	char category[128];
	const char *colon = strchr(event, ':');

	if (!colon || (size_t)(colon - event) >= sizeof(category)) {
		errno = EINVAL;
		return NULL;
	}
	memcpy(category, event, colon - event);
	category[colon - event] = '\\0';
	return bpf_program__attach_tracepoint(program, category, colon + 1);
}`;

const attachSamples = `/* On every processor that is there; ends with the process. */
static int attach_samples(struct bpf_program *program, int frequency)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE,
		.size = sizeof(attr),
		.config = PERF_COUNT_SW_CPU_CLOCK,
		.freq = 1,
		.sample_freq = frequency,
	};
	int cpus = libbpf_num_possible_cpus();

	for (int cpu = 0; cpu < cpus; cpu++) {
		int fd = syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);

		if (fd < 0 && errno == ENODEV)
			continue; /* possible, but not there */
		if (fd < 0 || !bpf_program__attach_perf_event(program, fd))
			return -errno;
	}
	return 0;
}`;

const attachTc = (
  most: number,
): string => `/* What has to be taken away at the end: filters of tc outlive their process. */
static struct {
	struct bpf_tc_hook hook;
	struct bpf_tc_opts filter;
} attached_tc[${most}];
static int attached_tc_count;

static int attach_tc(int program, const char *iface, bool egress)
{
	struct bpf_tc_hook *hook = &attached_tc[attached_tc_count].hook;
	struct bpf_tc_opts *filter = &attached_tc[attached_tc_count].filter;
	int err;

	hook->sz = sizeof(*hook);
	hook->ifindex = if_nametoindex(iface);
	hook->attach_point = egress ? BPF_TC_EGRESS : BPF_TC_INGRESS;
	filter->sz = sizeof(*filter);
	filter->prog_fd = program;
	if (hook->ifindex == 0)
		return -ENODEV;
	err = bpf_tc_hook_create(hook); /* clsact may be there already: then it stays */
	if (err && err != -EEXIST)
		return err;
	err = bpf_tc_attach(hook, filter);
	if (!err)
		attached_tc_count++;
	return err;
}

static void detach_tc(void)
{
	while (attached_tc_count > 0) {
		struct bpf_tc_opts *filter = &attached_tc[--attached_tc_count].filter;

		filter->flags = filter->prog_fd = filter->prog_id = 0;
		bpf_tc_detach(&attached_tc[attached_tc_count].hook, filter);
	}
}`;
