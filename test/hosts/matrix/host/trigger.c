/*
 * Makes happen what a program of the attach matrix waits for, and prints the value that its record must hold.
 *   trigger [-c CGROUP] COMMAND [ARGUMENT]
 * Static, so that it runs on any host; every command ends within a second but those that say so.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <linux/memfd.h>
#include <linux/udmabuf.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "marker.h"

#define PORT 4242
#define REUSE_PORT 4250
#define MIGRATE_PORT 4251
#define NUMBER 777 /* argument of what is probed in user space */
#define TINY_MS 20

static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(1);
}

static int need(int result, const char *what)
{
	if (result < 0)
		fail(what);
	return result;
}

static void doze(long ms)
{
	struct timespec span = { ms / 1000, ms % 1000 * 1000000 };

	nanosleep(&span, NULL);
}

/* ---- what is probed in user space ------------------------------------------------------------------------------ */

__attribute__((noinline, used)) long probed_add(long number)
{
	__asm__ volatile("" ::: "memory");
	return number + 1;
}

unsigned short ringside_guarded_semaphore __attribute__((section(".probes"), used));

static void user_functions(void)
{
	if (probed_add(NUMBER) != NUMBER + 1)
		fail("probed_add");
	MARKER(marker, 0, NUMBER);
	if (*(volatile unsigned short *)&ringside_guarded_semaphore)
		MARKER(guarded, ringside_guarded_semaphore, NUMBER);
}

/* ---- processes and files --------------------------------------------------------------------------------------- */

static void self_pgid(void)
{
	need(getpgid(getpid()), "getpgid");
	printf("%d\n", getpid());
}

static void exec_child(void)
{
	pid_t child = need(fork(), "fork");

	if (child == 0) {
		execl("/proc/self/exe", "trigger", "nothing", NULL);
		_exit(1);
	}
	need(waitpid(child, NULL, 0), "waitpid");
	printf("%d\n", child);
}

static void spin(long ms)
{
	struct timespec from, now;

	clock_gettime(CLOCK_MONOTONIC, &from);
	do
		clock_gettime(CLOCK_MONOTONIC, &now);
	while ((now.tv_sec - from.tv_sec) * 1000 + (now.tv_nsec - from.tv_nsec) / 1000000 < ms);
	printf("%d\n", getpid());
}

static void open_file(const char *path)
{
	char byte;
	int file = need(open(path, O_RDONLY), path);

	if (read(file, &byte, 1) < 0)
		fail(path);
	close(file);
	printf("%d\n", PORT);
}

/* A process that calls what is probed until it is ended; its pid is printed at once. */
static void loop(void)
{
	printf("%d\n", getpid());
	fflush(stdout);
	for (;;) {
		user_functions();
		doze(TINY_MS);
	}
}

/* The same in a mount namespace and a root of its own, as a container has them: the binary is /bin/boxed there only. */
static void boxed(const char *folder)
{
	char path[256], buffer[65536];
	ssize_t length;
	int from, to;

	need(unshare(CLONE_NEWNS), "unshare");
	need(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount --make-rprivate");
	mkdir(folder, 0755);
	need(mount("box", folder, "tmpfs", 0, NULL), "mount tmpfs");
	snprintf(path, sizeof(path), "%s/bin", folder);
	need(mkdir(path, 0755), path);
	snprintf(path, sizeof(path), "%s/bin/boxed", folder);
	from = need(open("/proc/self/exe", O_RDONLY), "/proc/self/exe");
	to = need(open(path, O_WRONLY | O_CREAT, 0755), path);
	while ((length = read(from, buffer, sizeof(buffer))) > 0)
		if (write(to, buffer, length) != length)
			fail(path);
	close(from);
	close(to);
	need(chroot(folder), "chroot");
	need(chdir("/"), "chdir");
	execl("/bin/boxed", "boxed", "loop", NULL);
	fail("/bin/boxed");
}

/* A buffer that devices could share, for the iterator of such buffers; lives until it is ended. */
static void dmabuf(void)
{
	struct udmabuf_create order = { .size = sysconf(_SC_PAGESIZE) };
	int device = open("/dev/udmabuf", O_RDWR);

	if (device < 0) {
		printf("none\n");
		return;
	}
	order.memfd = need(syscall(SYS_memfd_create, "matrix", MFD_ALLOW_SEALING), "memfd_create");
	need(ftruncate(order.memfd, order.size), "ftruncate");
	need(fcntl(order.memfd, F_ADD_SEALS, F_SEAL_SHRINK), "F_ADD_SEALS");
	need(ioctl(device, UDMABUF_CREATE, &order), "UDMABUF_CREATE");
	printf("%d\n", getpid());
	fflush(stdout);
	for (;;)
		doze(1000);
}

/* ---- network --------------------------------------------------------------------------------------------------- */

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
};

static socklen_t loopback(int family, int port, union address *to)
{
	memset(to, 0, sizeof(*to));
	to->any.sa_family = family;
	if (family == AF_INET) {
		to->v4.sin_port = htons(port);
		to->v4.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		return sizeof(to->v4);
	}
	to->v6.sin6_port = htons(port);
	to->v6.sin6_addr = in6addr_loopback;
	return sizeof(to->v6);
}

static void impatient(int socket_)
{
	struct timeval second = { 1, 0 };

	need(setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &second, sizeof(second)), "SO_RCVTIMEO");
}

static void receive(int socket_, union address *from)
{
	socklen_t length = sizeof(*from);
	char buffer[64];

	need(recvfrom(socket_, buffer, sizeof(buffer), 0, from ? &from->any : NULL, from ? &length : NULL), "recvfrom");
}

/* Passes every hook of a datagram socket, each with the port or the option PORT. */
static void udp(int family)
{
	union address server, peer, name;
	socklen_t size = loopback(family, PORT, &server), length = sizeof(name);
	int one = 1, listener = need(socket(family, SOCK_DGRAM, IPPROTO_UDP), "socket");
	int client = need(socket(family, SOCK_DGRAM, IPPROTO_UDP), "socket");

	need(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	need(bind(listener, &server.any, size), "bind");
	impatient(listener);
	impatient(client);
	need(getsockname(listener, &name.any, &length), "getsockname");
	need(sendto(client, "order", 5, 0, &server.any, size), "sendto");
	receive(listener, &peer);
	need(sendto(listener, "reply", 5, 0, &peer.any, size), "sendto");
	receive(client, &name); /* from PORT */
	need(connect(client, &server.any, size), "connect");
	length = sizeof(name);
	need(getpeername(client, &name.any, &length), "getpeername");
	setsockopt(client, PORT, PORT, &one, sizeof(one)); /* no such option: the hook is asked before the kernel is */
	length = sizeof(one);
	getsockopt(client, PORT, PORT, &one, &length);
	printf("%d\n", PORT);
}

/* One connection with a few bytes in each direction; `control` is the congestion control that it takes. */
static void tcp(int family, const char *control)
{
	union address server;
	socklen_t size = loopback(family, PORT, &server);
	int one = 1, listener = need(socket(family, SOCK_STREAM, 0), "socket"), accepted;
	int client = need(socket(family, SOCK_STREAM, 0), "socket");

	need(setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)), "SO_REUSEADDR");
	need(bind(listener, &server.any, size), "bind");
	need(listen(listener, 1), "listen");
	if (control)
		need(setsockopt(client, IPPROTO_TCP, TCP_CONGESTION, control, strlen(control)), "TCP_CONGESTION");
	need(connect(client, &server.any, size), "connect");
	accepted = need(accept(listener, NULL, NULL), "accept");
	impatient(accepted);
	impatient(client);
	need(send(client, "order", 5, 0), "send");
	receive(accepted, NULL);
	need(send(accepted, "reply", 5, 0), "send");
	receive(client, NULL);
	printf("%d\n", PORT);
}

static socklen_t abstract(const char *name, union address *to)
{
	memset(to, 0, sizeof(*to));
	to->local.sun_family = AF_UNIX;
	snprintf(to->local.sun_path + 1, sizeof(to->local.sun_path) - 1, "ringside-%s-%d", name, getpid());
	return sizeof(sa_family_t) + 1 + strlen(to->local.sun_path + 1);
}

/* Passes every hook of a Unix socket. */
static void unix_(void)
{
	union address server, own, name;
	socklen_t size = abstract("server", &server), own_size = abstract("client", &own), length = sizeof(name);
	int datagrams = need(socket(AF_UNIX, SOCK_DGRAM, 0), "socket");
	int sender = need(socket(AF_UNIX, SOCK_DGRAM, 0), "socket");

	need(bind(datagrams, &server.any, size), "bind");
	need(bind(sender, &own.any, own_size), "bind");
	impatient(datagrams);
	need(sendto(sender, "order", 5, 0, &server.any, size), "sendto");
	receive(datagrams, &name);
	need(connect(sender, &server.any, size), "connect");
	length = sizeof(name);
	need(getpeername(sender, &name.any, &length), "getpeername");
	length = sizeof(name);
	need(getsockname(sender, &name.any, &length), "getsockname");
	printf("%d\n", PORT);
}

struct packet {
	unsigned char ip[20];
	struct udphdr udp;
	char text[18];
} __attribute__((packed));

static void checksum(unsigned char *ip)
{
	unsigned sum = 0;

	for (int at = 0; at < 20; at += 2)
		sum += ip[at] << 8 | ip[at + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	ip[10] = ~sum >> 8;
	ip[11] = ~sum;
}

/* A UDP packet to PORT that leaves by the interface, whatever the routes say. */
static void packet(const char *interface)
{
	struct packet packet = { .ip = { 0x45, 0, 0, sizeof(struct packet), 0, 1, 0, 0, 64, IPPROTO_UDP, 0, 0,
					 10, 9, 9, 1, 10, 9, 9, 2 } };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_IP), .sll_halen = 6,
				  .sll_addr = { 255, 255, 255, 255, 255, 255 } };
	int out = need(socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP)), "socket");

	packet.udp.dest = htons(PORT);
	packet.udp.source = htons(PORT);
	packet.udp.len = htons(sizeof(packet) - 20);
	checksum(packet.ip);
	to.sll_ifindex = if_nametoindex(interface);
	if (to.sll_ifindex == 0)
		fail(interface);
	for (int i = 0; i < 4; i++)
		need(sendto(out, &packet, sizeof(packet), 0, (struct sockaddr *)&to, sizeof(to)), "sendto");
	printf("%d\n", PORT);
}

/* A socket that spreads packets by their flow, which makes the kernel dissect them. */
static void dissect(void)
{
	int spread = need(socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL)), "socket");
	int fanout = (PACKET_FANOUT_HASH << 16) | (getpid() & 0xffff);
	struct sockaddr_ll lo = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL), .sll_ifindex = if_nametoindex("lo") };

	need(bind(spread, (struct sockaddr *)&lo, sizeof(lo)), "bind");
	need(setsockopt(spread, SOL_PACKET, PACKET_FANOUT, &fanout, sizeof(fanout)), "PACKET_FANOUT");
	udp(AF_INET);
}

static int sharing(int kind, int port)
{
	union address server;
	socklen_t size = loopback(AF_INET, port, &server);
	int one = 1, result = need(socket(AF_INET, kind, 0), "socket");

	need(setsockopt(result, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)), "SO_REUSEPORT");
	need(bind(result, &server.any, size), "bind");
	if (kind == SOCK_STREAM) {
		need(listen(result, 8), "listen");
		need(fcntl(result, F_SETFL, O_NONBLOCK), "O_NONBLOCK");
	}
	return result;
}

static void wake(int signal)
{
	(void)signal;
}

/* Closes the listener that has a connection waiting, so that the kernel moves it to the other one. */
static void leave(int listeners[2])
{
	for (int i = 0; i < 2; i++) {
		struct pollfd waiting = { .fd = listeners[i], .events = POLLIN };

		if (poll(&waiting, 1, 0) == 1) {
			close(listeners[i]);
			listeners[i] = sharing(SOCK_STREAM, MIGRATE_PORT);
			return;
		}
	}
}

/*
 * Sockets that share a port: descriptors 3 and 4 datagrams, 5 and 6 connections. Lives until it is ended. On SIGUSR1 the
 * listener with a waiting connection leaves.
 */
static void reuse_server(void)
{
	int listeners[2];

	signal(SIGUSR1, wake);
	for (int i = 0; i < 2; i++)
		sharing(SOCK_DGRAM, REUSE_PORT);
	for (int i = 0; i < 2; i++)
		listeners[i] = sharing(SOCK_STREAM, MIGRATE_PORT);
	printf("%d\n", getpid());
	fflush(stdout);
	for (;;) {
		pause();
		leave(listeners);
	}
}

/* A connection to the server that waits while its listener leaves. */
static void migrate(pid_t server_pid)
{
	union address server;
	socklen_t size = loopback(AF_INET, MIGRATE_PORT, &server);
	int client = need(socket(AF_INET, SOCK_STREAM, 0), "socket");

	need(connect(client, &server.any, size), "connect");
	doze(TINY_MS);
	need(kill(server_pid, SIGUSR1), "kill");
	doze(5 * TINY_MS);
	printf("%d\n", MIGRATE_PORT);
}

static void reuse_client(void)
{
	union address server;
	socklen_t size = loopback(AF_INET, REUSE_PORT, &server);
	int out = need(socket(AF_INET, SOCK_DGRAM, 0), "socket");

	for (int i = 0; i < 4; i++)
		sendto(out, "order", 5, 0, &server.any, size);
	printf("%d\n", REUSE_PORT);
}

/* ---- BPF itself ------------------------------------------------------------------------------------------------ */

/* Loads "return 0" as a socket filter and lets the kernel try it: passes the tracepoint bpf_test_finish. */
static void test_run(void)
{
	struct bpf_insn program[] = { { .code = BPF_ALU64 | BPF_MOV | BPF_K }, { .code = BPF_JMP | BPF_EXIT } };
	union bpf_attr attr = { .prog_type = BPF_PROG_TYPE_SOCKET_FILTER };
	char data[64] = { 0 };
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int fd;

	setrlimit(RLIMIT_MEMLOCK, &all); /* counts for programs before Linux 5.11 */
	attr.insns = (unsigned long)program;
	attr.insn_cnt = sizeof(program) / sizeof(*program);
	attr.license = (unsigned long)"GPL";
	fd = need(syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)), "BPF_PROG_LOAD");
	memset(&attr, 0, sizeof(attr));
	attr.test.prog_fd = fd;
	attr.test.data_in = (unsigned long)data;
	attr.test.data_size_in = sizeof(data);
	need(syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)), "BPF_PROG_TEST_RUN");
	printf("%d\n", getpid());
}

/* Ids of all programs and links of the host, to see what is left behind. */
static void objects(void)
{
	static const struct {
		const char *name;
		int command;
	} lists[] = { { "program", BPF_PROG_GET_NEXT_ID }, { "link", BPF_LINK_GET_NEXT_ID } };

	for (unsigned at = 0; at < sizeof(lists) / sizeof(*lists); at++) {
		union bpf_attr attr = { .start_id = 0 };

		while (!syscall(SYS_bpf, lists[at].command, &attr, sizeof(attr))) {
			printf("%s:%u ", lists[at].name, attr.next_id);
			attr.start_id = attr.next_id;
		}
		if (errno != ENOENT)
			fail(lists[at].name);
	}
	printf("\n");
}

static void join(const char *cgroup)
{
	char path[512];
	FILE *procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", cgroup);
	procs = fopen(path, "w");
	if (!procs || fprintf(procs, "%d", getpid()) < 0 || fclose(procs))
		fail(path);
}

int main(int count, char **words)
{
	const char *command, *argument;

	if (count > 2 && !strcmp(words[1], "-c")) {
		join(words[2]);
		words += 2;
		count -= 2;
	}
	command = count > 1 ? words[1] : "";
	argument = count > 2 ? words[2] : NULL;
	if (!strcmp(command, "nothing"))
		return 0;
	if (!strcmp(command, "number")) /* a loop that runs already calls it */
		printf("%d\n", NUMBER);
	else if (!strcmp(command, "user"))
		user_functions(), printf("%d\n", NUMBER);
	else if (!strcmp(command, "getpgid"))
		self_pgid();
	else if (!strcmp(command, "exec"))
		exec_child();
	else if (!strcmp(command, "spin"))
		spin(argument ? atol(argument) : 300);
	else if (!strcmp(command, "open") && argument)
		open_file(argument);
	else if (!strcmp(command, "loop"))
		loop();
	else if (!strcmp(command, "boxed") && argument)
		boxed(argument);
	else if (!strcmp(command, "dmabuf"))
		dmabuf();
	else if (!strcmp(command, "udp4"))
		udp(AF_INET);
	else if (!strcmp(command, "udp6"))
		udp(AF_INET6);
	else if (!strcmp(command, "tcp4"))
		tcp(AF_INET, argument);
	else if (!strcmp(command, "unix"))
		unix_();
	else if (!strcmp(command, "packet") && argument)
		packet(argument);
	else if (!strcmp(command, "dissect"))
		dissect();
	else if (!strcmp(command, "reuse-server"))
		reuse_server();
	else if (!strcmp(command, "reuse-client"))
		reuse_client();
	else if (!strcmp(command, "migrate") && argument)
		migrate(atoi(argument));
	else if (!strcmp(command, "test-run"))
		test_run();
	else if (!strcmp(command, "objects"))
		objects();
	else {
		fprintf(stderr, "trigger: unknown command %s\n", command);
		return 2;
	}
	return 0;
}
