// SPDX-License-Identifier: MIT
/*
 * Generic activity for programs under test: a bit of everything that probes look at, over and over.
 *   activity SECONDS [ADDRESS]      ADDRESS: one behind the interface that is watched, for packets through it
 *   activity --sink                 answers on UDP and TCP port 7007 until it is killed (the other end of ADDRESS)
 * Every step may fail (a kernel without something, no right to it): the others go on.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <linux/loop.h>
#include <net/if.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <pty.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PORT 7007
/* Beside the program: whoever put it there removes both, also when this is killed. */
static char folder[256];

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec + t.tv_nsec / 1e9;
}

static void ignore(int sig)
{
	(void)sig;
}

static void processes(void)
{
	static const char *const commands[] = { "/bin/true", "/bin/ls /", "/bin/cat /etc/hostname",
						"/usr/bin/getent ahosts localhost", "/no/such/program" };

	for (unsigned i = 0; i < sizeof(commands) / sizeof(*commands); i++) {
		pid_t child = fork();

		if (child == 0) {
			int null = open("/dev/null", O_RDWR);

			dup2(null, 1);
			dup2(null, 2);
			char text[64], *args[4], *save = NULL;
			int n = 0;

			strcpy(text, commands[i]);
			for (char *w = strtok_r(text, " ", &save); w && n < 3; w = strtok_r(NULL, " ", &save))
				args[n++] = w;
			args[n] = NULL;
			execv(args[0], args);
			_exit(127);
		}
		if (child > 0)
			waitpid(child, NULL, 0);
	}
	/* A shell links libc dynamically: what probes of libc need. It also jumps (setjmp) and reads a line. */
	pid_t shell = fork();

	if (shell == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 1);
		dup2(null, 2);
		execl("/bin/bash", "bash", "-c", "for i in 1 2 3; do x=$(echo $i); done; kill -0 $$; exec 3</etc/hostname; read -u 3 l", NULL);
		_exit(127);
	}
	if (shell > 0)
		waitpid(shell, NULL, 0);
}

/* A person at a shell: what probes of readline wait for. */
static void terminal(void)
{
	static const char typed[] = "true\nexit\n";
	char buffer[512];
	int master;
	pid_t shell = forkpty(&master, NULL, NULL, NULL);

	if (shell == 0) {
		alarm(2);
		execl("/bin/bash", "bash", "--norc", "-i", NULL);
		_exit(127);
	}
	if (shell < 0)
		return;
	if (write(master, typed, sizeof(typed) - 1) < 0)
		errno = 0;
	while (read(master, buffer, sizeof(buffer)) > 0)
		;
	close(master);
	waitpid(shell, NULL, 0);
}

static void *thread(void *arg)
{
	char name[16] = "corpus-thread";

	(void)arg;
	prctl(PR_SET_NAME, name);
	sched_yield();
	return NULL;
}

static void scheduling(void)
{
	pthread_t t;
	volatile unsigned long sum = 0;
	pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;

	if (pthread_create(&t, NULL, thread, NULL) == 0)
		pthread_join(t, NULL);
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	for (int i = 0; i < 1000000; i++)
		sum += i;
	usleep(1000);
	setpriority(PRIO_PROCESS, 0, 0);
	syscall(SYS_futex, &sum, 1 /* FUTEX_WAKE */, 1, NULL, NULL, 0);
}

static void files(void)
{
	char path[300], other[300], buffer[4096] = "ringside";
	struct stat st;
	struct statfs fs;

	snprintf(path, sizeof(path), "%s/a", folder);
	snprintf(other, sizeof(other), "%s/b", folder);
	int fd = open(path, O_CREAT | O_RDWR, 0644);

	if (fd >= 0) {
		for (int i = 0; i < 16; i++)
			if (write(fd, buffer, sizeof(buffer)) < 0)
				break;
		fsync(fd);
		fdatasync(fd);
		lseek(fd, 0, SEEK_SET);
		if (read(fd, buffer, sizeof(buffer)) < 0)
			buffer[0] = 0;
		flock(fd, LOCK_EX);
		flock(fd, LOCK_UN);
		fstat(fd, &st);
		if (ftruncate(fd, 100))
			errno = 0;
		fchmod(fd, 0600);
		close(fd);
	}
	/* Past the page cache: block layer, file system. */
	fd = open(path, O_RDWR | O_DIRECT | O_SYNC);
	if (fd >= 0) {
		void *aligned = NULL;

		if (posix_memalign(&aligned, 4096, 4096) == 0) {
			memset(aligned, 'x', 4096);
			if (pwrite(fd, aligned, 4096, 0) < 0 || pread(fd, aligned, 4096, 0) < 0)
				errno = 0;
			free(aligned);
		}
		close(fd);
	}
	stat(path, &st);
	statfs(folder, &fs);
	access(path, R_OK);
	link(path, other);
	rename(other, path);
	chmod(path, 0640);
	if (chown(path, 0, 0))
		errno = 0;
	open("/no/such/file", O_RDONLY);
	syscall(SYS_openat, AT_FDCWD, "/no/such/file2", O_RDONLY, 0);
#ifdef SYS_open /* glibc calls openat; older programs still this. */
	syscall(SYS_open, "/no/such/file3", O_RDONLY, 0);
#endif
	fd = open("/proc/sys/kernel/ostype", O_RDONLY);
	if (fd >= 0) {
		if (read(fd, buffer, sizeof(buffer)) < 0)
			errno = 0;
		close(fd);
	}
	syscall(SYS_statx, AT_FDCWD, path, 0, 0xfff, buffer);
#ifdef SYS_openat2
	unsigned long how[3] = { O_RDONLY, 0, 0 };

	fd = syscall(SYS_openat2, AT_FDCWD, path, how, sizeof(how));
	if (fd >= 0)
		close(fd);
#endif
	int many[2];

	if (pipe(many) == 0) {
		if (write(many[1], "x", 1) == 1 && read(many[0], buffer, 1) == 1)
			errno = 0;
		close(many[0]);
		close(many[1]);
	}
	snprintf(other, sizeof(other), "%s/d", folder);
	mkdir(other, 0755);
	fd = open(folder, O_RDONLY | O_DIRECTORY);
	if (fd >= 0) {
		syscall(SYS_getdents64, fd, buffer, sizeof(buffer));
		close(fd);
	}
	rmdir(other);
	if (symlink(path, other) == 0)
		unlink(other);
	unlink(path);
	rmdir("/no/such/folder");
	fd = open(folder, O_RDONLY);
	if (fd >= 0) {
		syscall(SYS_syncfs, fd);
		close(fd);
	}
	unlinkat(AT_FDCWD, "/no/such/file", 0);
	sync();
}

/* Requests to a block device, of a loop device over a file: only where the kernel has the driver already. */
static void block(void)
{
	struct loop_info64 info = { .lo_flags = LO_FLAGS_AUTOCLEAR };
	char path[300], device[32];
	void *aligned = NULL;

	if (access("/sys/module/loop", F_OK))
		return;
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int number = control < 0 ? -1 : ioctl(control, LOOP_CTL_GET_FREE);

	if (control >= 0)
		close(control);
	if (number < 0)
		return;
	snprintf(device, sizeof(device), "/dev/loop%d", number);
	snprintf(path, sizeof(path), "%s/disk", folder);
	int file = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0600), loop = open(device, O_RDWR | O_DIRECT | O_CLOEXEC);

	if (file >= 0 && loop >= 0 && ftruncate(file, 1 << 20) == 0 && ioctl(loop, LOOP_SET_FD, file) == 0) {
		/* Gone with the last descriptor, also when this is killed. */
		ioctl(loop, LOOP_SET_STATUS64, &info);
		if (posix_memalign(&aligned, 4096, 8192) == 0) {
			memset(aligned, 'x', 8192);
			for (int i = 0; i < 8; i++)
				if (pwrite(loop, aligned, 8192, i * 16384) < 0 || pread(loop, aligned, 4096, i * 4096) < 0)
					break;
			free(aligned);
		}
		fsync(loop);
		ioctl(loop, LOOP_CLR_FD);
	}
	if (loop >= 0)
		close(loop);
	if (file >= 0)
		close(file);
	unlink(path);
}

static void memory(void)
{
	char *page = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page != MAP_FAILED) {
		memset(page, 1, 1 << 20);
		mprotect(page, 4096, PROT_READ);
		madvise(page, 1 << 20, MADV_DONTNEED);
		mremap(page, 1 << 20, 1 << 19, 0);
		munmap(page, 1 << 19);
	}
	free(malloc(300000));
	if (sbrk(4096) == (void *)-1)
		errno = 0;
	int fd = memfd_create("corpus", 0);

	if (fd >= 0) {
		if (ftruncate(fd, 8192))
			errno = 0;
		char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

		if (shared != MAP_FAILED) {
			shared[0] = 1;
			msync(shared, 8192, MS_SYNC);
			munmap(shared, 8192);
		}
		close(fd);
	}
}

static void signals(void)
{
	signal(SIGUSR1, ignore);
	signal(SIGALRM, ignore);
	kill(getpid(), SIGUSR1);
	raise(SIGUSR1);
	syscall(SYS_tkill, syscall(SYS_gettid), SIGUSR1);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), SIGUSR1);
	kill(getpid(), 0);
	struct itimerval soon = { { 0, 0 }, { 0, 1000 } };

	setitimer(ITIMER_REAL, &soon, NULL);
	usleep(2000);
	int timer = timerfd_create(CLOCK_MONOTONIC, 0);

	if (timer >= 0) {
		struct itimerspec in = { { 0, 0 }, { 0, 1000000 } };
		unsigned long long expired;

		timerfd_settime(timer, 0, &in, NULL);
		if (read(timer, &expired, sizeof(expired)) < 0)
			errno = 0;
		close(timer);
	}
	pid_t child = fork();

	if (child == 0) {
		pause();
		_exit(0);
	}
	if (child > 0) {
		ptrace(PTRACE_ATTACH, child, 0, 0);
		waitpid(child, NULL, 0);
		ptrace(PTRACE_DETACH, child, 0, 0);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
}

static void exchange(int type, int family, const char *address, int port)
{
	struct sockaddr_storage to = { 0 };
	socklen_t length;
	char buffer[256] = "ringside corpus";

	if (family == AF_INET) {
		struct sockaddr_in *in = (void *)&to;

		in->sin_family = AF_INET;
		in->sin_port = htons(port);
		inet_pton(AF_INET, address, &in->sin_addr);
		length = sizeof(*in);
	} else {
		struct sockaddr_in6 *in = (void *)&to;

		in->sin6_family = AF_INET6;
		in->sin6_port = htons(port);
		inet_pton(AF_INET6, address, &in->sin6_addr);
		length = sizeof(*in);
	}
	int fd = socket(family, type, 0);

	if (fd < 0)
		return;
	struct timeval soon = { 0, 50000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &soon, sizeof(soon));
	if (connect(fd, (void *)&to, length) == 0) {
		for (int i = 0; i < 4; i++) {
			if (send(fd, buffer, sizeof(buffer), MSG_NOSIGNAL) < 0)
				break;
			if (recv(fd, buffer, sizeof(buffer), 0) < 0)
				break;
		}
		getsockname(fd, (void *)&to, &length);
		getpeername(fd, (void *)&to, &length);
		shutdown(fd, SHUT_RDWR);
	}
	close(fd);
}

/* Listens and accepts by itself, so that both ends of a connection are seen. */
static void loopback(int family, const char *address)
{
	int listener = socket(family, SOCK_STREAM, 0), one = 1;
	struct sockaddr_storage at = { 0 };
	socklen_t length = family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);

	if (listener < 0)
		return;
	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	at.ss_family = family;
	inet_pton(family, address,
		  family == AF_INET ? (void *)&((struct sockaddr_in *)&at)->sin_addr :
				      (void *)&((struct sockaddr_in6 *)&at)->sin6_addr);
	if (bind(listener, (void *)&at, length) || listen(listener, 8) || getsockname(listener, (void *)&at, &length)) {
		close(listener);
		return;
	}
	int port = ntohs(family == AF_INET ? ((struct sockaddr_in *)&at)->sin_port : ((struct sockaddr_in6 *)&at)->sin6_port);
	pid_t child = fork();

	if (child == 0) {
		char buffer[256];
		int fd = accept(listener, NULL, NULL);

		while (fd >= 0) {
			ssize_t n = recv(fd, buffer, sizeof(buffer), 0);

			if (n <= 0 || send(fd, buffer, n, MSG_NOSIGNAL) < 0)
				break;
		}
		_exit(0);
	}
	close(listener);
	if (child > 0) {
		exchange(SOCK_STREAM, family, address, port);
		kill(child, SIGKILL);
		waitpid(child, NULL, 0);
	}
	exchange(SOCK_STREAM, family, address, 1); /* nobody listens: a reset */
}

static unsigned short checksum(const unsigned short *words, int bytes)
{
	unsigned sum = 0;

	for (; bytes > 1; bytes -= 2)
		sum += *words++;
	sum = (sum >> 16) + (sum & 0xffff);
	return ~(sum + (sum >> 16));
}

static void ping(const char *address)
{
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	struct sockaddr_in to = { .sin_family = AF_INET };
	char packet[64] = { 0 };
	struct icmphdr *icmp = (void *)packet;
	struct timeval soon = { 0, 50000 };

	if (fd < 0)
		return;
	inet_pton(AF_INET, address, &to.sin_addr);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon));
	for (int i = 0; i < 2; i++) {
		icmp->type = ICMP_ECHO;
		icmp->un.echo.id = htons(getpid());
		icmp->un.echo.sequence = htons(i);
		icmp->checksum = 0;
		icmp->checksum = checksum((void *)packet, sizeof(packet));
		if (sendto(fd, packet, sizeof(packet), 0, (void *)&to, sizeof(to)) < 0 || recv(fd, packet, sizeof(packet), 0) < 0)
			break;
	}
	close(fd);
}

static void network(const char *address)
{
	int pair[2];
	char byte = 'x';

	loopback(AF_INET, "127.0.0.1");
	loopback(AF_INET6, "::1");
	exchange(SOCK_DGRAM, AF_INET, "127.0.0.1", 9);
	exchange(SOCK_DGRAM, AF_INET6, "::1", 9);
	ping("127.0.0.1");
	if (address) {
		ping(address);
		exchange(SOCK_DGRAM, AF_INET, address, PORT);
		exchange(SOCK_STREAM, AF_INET, address, PORT);
	}
	if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0) {
		if (write(pair[0], &byte, 1) < 0 || read(pair[1], &byte, 1) < 0)
			errno = 0;
		close(pair[0]);
		close(pair[1]);
	}
}

static void mounts(void)
{
	char path[300];

	snprintf(path, sizeof(path), "%s/m", folder);
	mkdir(path, 0755);
	if (mount("corpus", path, "tmpfs", 0, "size=1m") == 0)
		umount(path);
	rmdir(path);
	if (unshare(CLONE_FS) == 0)
		errno = 0;
}

static int bpf(int command, union bpf_attr *attr)
{
	return syscall(SYS_bpf, command, attr, sizeof(*attr));
}

/* One packet through an XDP program on loopback of the sink's own network namespace. */
static void xdp_once(const struct bpf_insn *program, int instructions)
{
	union bpf_attr load = { .prog_type = BPF_PROG_TYPE_XDP, .insns = (unsigned long)program,
				.insn_cnt = instructions, .license = (unsigned long)"GPL" };
	int fd = bpf(BPF_PROG_LOAD, &load);

	if (fd < 0)
		return;
	union bpf_attr create = { .link_create = { .prog_fd = fd, .target_ifindex = 1, .attach_type = BPF_XDP,
						   .flags = XDP_FLAGS_SKB_MODE } };
	int link = bpf(BPF_LINK_CREATE, &create);

	if (link >= 0) {
		exchange(SOCK_DGRAM, AF_INET, "127.0.0.1", 9);
		close(link);
	}
	close(fd);
}

/* What only an XDP program sets off: its exceptions, redirects and their errors. */
static void xdp(void)
{
	struct if_nameindex *all = if_nameindex();
	int other = 0;

	for (int i = 0; all && all[i].if_index; i++)
		if (all[i].if_index != 1)
			other = all[i].if_index;
	if (all)
		if_freenameindex(all);
	const struct bpf_insn aborted[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = XDP_ABORTED },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	struct bpf_insn redirected[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 1, .imm = other },
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 2, .imm = 0 },
		{ .code = BPF_JMP | BPF_CALL, .imm = BPF_FUNC_redirect },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	xdp_once(aborted, 2);
	if (other)
		xdp_once(redirected, 4);
	redirected[0].imm = 0x7fffffff; /* nowhere */
	xdp_once(redirected, 4);
}

static int sink(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int udp = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0), one = 1;

	double next = now() + 1;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsockopt(tcp, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(udp, (void *)&at, sizeof(at)) || bind(tcp, (void *)&at, sizeof(at)) || listen(tcp, 8))
		return 1;
	for (;;) {
		struct pollfd ready[2] = { { udp, POLLIN, 0 }, { tcp, POLLIN, 0 } };
		char buffer[512];

		int events = poll(ready, 2, 500);

		if (events < 0)
			return 1;
		if (now() > next) {
			xdp();
			next = now() + 0.5;
		}
		if (ready[0].revents) {
			struct sockaddr_in from;
			socklen_t length = sizeof(from);
			ssize_t n = recvfrom(udp, buffer, sizeof(buffer), 0, (void *)&from, &length);

			if (n > 0)
				sendto(udp, buffer, n, 0, (void *)&from, length);
		}
		if (ready[1].revents) {
			int fd = accept(tcp, NULL, NULL);
			ssize_t n;

			while (fd >= 0 && (n = recv(fd, buffer, sizeof(buffer), 0)) > 0)
				send(fd, buffer, n, MSG_NOSIGNAL);
			close(fd);
		}
	}
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "--sink") == 0)
		return sink();
	double end = now() + (argc > 1 ? atof(argv[1]) : 2);
	const char *address = argc > 2 && argv[2][0] ? argv[2] : NULL;

	signal(SIGPIPE, SIG_IGN);
	const char *slash = strrchr(argv[0], '/');

	snprintf(folder, sizeof(folder), "%.*s/files-XXXXXX", slash ? (int)(slash - argv[0]) : 1, slash ? argv[0] : ".");
	if (!mkdtemp(folder))
		return 1;
	/* What a program of the author's own would have set as "my process": it writes. */
	printf("%d\n", getpid());
	fflush(stdout);
	do {
		struct pollfd who = { 0, 0, 0 };

		/* Nobody listens any more: what was started over ssh is not killed with it. */
		if (poll(&who, 1, 0) > 0 && who.revents & (POLLHUP | POLLERR))
			break;
		printf(".\n");
		fflush(stdout);
		files();
		processes();
		terminal();
		scheduling();
		memory();
		block();
		signals();
		network(address);
		mounts();
	} while (now() < end);
	rmdir(folder);
	return 0;
}
