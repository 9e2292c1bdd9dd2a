/*
 * What a kill test needs to know and to hold on the host itself, where there may be no bpftool.
 *   census list                          every program ("program:ID:NAME"), link and map
 *   census hold                          makes a socket and one that shares its port: "PID FD FD", until it is ended
 *   census cpumap PATH                   pins a CPU map there
 *   census entry PATH                    id of the program in its first entry, 0 without one
 *   census until SECONDS COMMAND WHAT... "begun", COMMAND, and then for each WHAT after how many seconds it is gone:
 *                                        "program:ID", "file:PATH", "word:PATH:WORD"; a line each, "end" at last
 * Static, so that it runs on any host.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define ENTRIES 64
#define TICK_MS 10

static void fail(const char *what)
{
	fprintf(stderr, "census: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int need(int result, const char *what)
{
	if (result < 0)
		fail(what);
	return result;
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* ---- what there is --------------------------------------------------------------------------------------------- */

/* False when it is gone meanwhile. */
static bool print_program(unsigned id)
{
	struct bpf_prog_info info = {};
	union bpf_attr attr = { .prog_id = id };
	int fd = bpf(BPF_PROG_GET_FD_BY_ID, &attr);

	if (fd < 0)
		return false;
	memset(&attr, 0, sizeof(attr));
	attr.info.bpf_fd = fd;
	attr.info.info_len = sizeof(info);
	attr.info.info = (unsigned long)&info;
	need(bpf(BPF_OBJ_GET_INFO_BY_FD, &attr), "program info");
	close(fd);
	printf("program:%u:%s\n", id, info.name);
	return true;
}

static void list(void)
{
	static const struct {
		const char *name;
		int next;
	} kinds[] = {
		{ "program", BPF_PROG_GET_NEXT_ID }, { "link", BPF_LINK_GET_NEXT_ID }, { "map", BPF_MAP_GET_NEXT_ID }
	};

	for (unsigned at = 0; at < sizeof(kinds) / sizeof(*kinds); at++) {
		union bpf_attr attr = {};

		while (!bpf(kinds[at].next, &attr)) {
			unsigned id = attr.next_id;

			if (at > 0 || !print_program(id))
				printf("%s:%u\n", kinds[at].name, id);
			memset(&attr, 0, sizeof(attr));
			attr.start_id = id;
		}
		if (errno != ENOENT)
			fail(kinds[at].name);
	}
}

/* ---- what programs are attached to ----------------------------------------------------------------------------- */

static void hold(void)
{
	struct sockaddr_in port = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int on = 1, plain = need(socket(AF_INET, SOCK_DGRAM, 0), "socket"), shared = need(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	need(setsockopt(shared, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), "SO_REUSEPORT");
	need(bind(shared, (struct sockaddr *)&port, sizeof(port)), "bind");
	printf("%d %d %d\n", getpid(), plain, shared);
	fflush(stdout);
	for (;;)
		pause();
}

static void cpumap(const char *path)
{
	union bpf_attr attr = { .map_type = BPF_MAP_TYPE_CPUMAP, .key_size = 4, .value_size = 8, .max_entries = ENTRIES };
	int fd;

	strcpy(attr.map_name, "rs_cpus");
	fd = need(bpf(BPF_MAP_CREATE, &attr), "CPU map");
	memset(&attr, 0, sizeof(attr));
	attr.pathname = (unsigned long)path;
	attr.bpf_fd = fd;
	need(bpf(BPF_OBJ_PIN, &attr), path);
}

static void entry(const char *path)
{
	union bpf_attr attr = { .pathname = (unsigned long)path };
	struct bpf_cpumap_val value = {};
	unsigned key = 0;
	int fd = need(bpf(BPF_OBJ_GET, &attr), path);

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = fd;
	attr.key = (unsigned long)&key;
	attr.value = (unsigned long)&value;
	if (bpf(BPF_MAP_LOOKUP_ELEM, &attr) && errno != ENOENT)
		fail(path);
	printf("%u\n", value.bpf_prog.id);
}

/* ---- how long it takes until it is gone ------------------------------------------------------------------------- */

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

/* Asks for no descriptor: that would keep it. */
static bool has_program(unsigned id)
{
	union bpf_attr attr = { .start_id = id - 1 };

	return !bpf(BPF_PROG_GET_NEXT_ID, &attr) && attr.next_id == id;
}

static bool has_word(const char *file_and_word)
{
	char path[256], text[4096];
	const char *word = strchr(file_and_word, ':');
	size_t length;
	FILE *file;

	if (!word || (size_t)(word - file_and_word) >= sizeof(path))
		fail(file_and_word);
	snprintf(path, sizeof(path), "%.*s", (int)(word - file_and_word), file_and_word);
	file = fopen(path, "r");
	if (!file)
		fail(path);
	length = fread(text, 1, sizeof(text) - 1, file);
	fclose(file);
	text[length] = 0;
	return strstr(text, word + 1);
}

static bool is_there(const char *what)
{
	if (!strncmp(what, "program:", 8))
		return has_program(strtoul(what + 8, NULL, 10));
	if (!strncmp(what, "file:", 5))
		return !access(what + 5, F_OK);
	if (!strncmp(what, "word:", 5))
		return has_word(what + 5);
	errno = EINVAL;
	fail(what);
	return false;
}

static void until(double limit, const char *command, char **what)
{
	double begin = seconds(), passed = 0;
	bool left = true;

	for (char **one = what; *one; one++)
		if (!is_there(*one))
			errno = ENOENT, fail(*one);
	printf("begun\n");
	fflush(stdout);
	if (system(command))
		fail(command);
	while (left && passed < limit) {
		left = false;
		passed = seconds() - begin;
		for (char **one = what; *one; one++) {
			if (!**one)
				continue;
			if (is_there(*one)) {
				left = true;
				continue;
			}
			printf("%s %.3f\n", *one, passed);
			*one = "";
		}
		fflush(stdout);
		usleep(TICK_MS * 1000);
	}
	printf("end\n");
}

int main(int count, char **words)
{
	const char *command = count > 1 ? words[1] : "";

	if (!strcmp(command, "list"))
		list();
	else if (!strcmp(command, "hold"))
		hold();
	else if (!strcmp(command, "cpumap") && count == 3)
		cpumap(words[2]);
	else if (!strcmp(command, "entry") && count == 3)
		entry(words[2]);
	else if (!strcmp(command, "until") && count > 4)
		until(atof(words[2]), words[3], words + 4);
	else {
		fprintf(stderr, "census: unknown command %s\n", command);
		return 2;
	}
	return 0;
}
