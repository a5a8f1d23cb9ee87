// What the process gives up. All of it holds for the threads made later.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/landlock.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "codec.h"

#if defined(__x86_64__)
#define ARCH AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define ARCH AUDIT_ARCH_AARCH64
#else
#error "system calls of this architecture are not known here"
#endif

enum { NOBODY = 65534 };

#define LOAD(what) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, what))
#define LOW(arg) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[arg])) // little-endian
#define ANSWER(what) BPF_STMT(BPF_RET | BPF_K, what)
#define UNLESS(value, skip) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, 0, skip)
#define ALLOW(name) UNLESS(__NR_##name, 1), ANSWER(SECCOMP_RET_ALLOW)
// One whose argument has to be this.
#define ALLOW_IF(name, arg, value) UNLESS(__NR_##name, 4), LOW(arg), UNLESS(value, 1), ANSWER(SECCOMP_RET_ALLOW), ANSWER(SECCOMP_RET_KILL_PROCESS)
// One whose argument has all bits of must and none of mustnt.
#define ALLOW_BITS(name, arg, must, mustnt) \
	UNLESS(__NR_##name, 6), LOW(arg), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, mustnt, 3, 0), \
	BPF_STMT(BPF_ALU | BPF_AND | BPF_K, must), UNLESS(must, 1), ANSWER(SECCOMP_RET_ALLOW), ANSWER(SECCOMP_RET_KILL_PROCESS)
#define EXEC 4 // PROT_EXEC
#define THREAD (CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM)
#define SPACES (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET | CLONE_PTRACE | CLONE_PARENT)

static int filter(const struct sock_filter *code, size_t n, unsigned flags) {
	struct sock_fprog prog = {.len = n, .filter = (struct sock_filter *)code};
	return syscall(__NR_seccomp, SECCOMP_SET_MODE_FILTER, flags, &prog);
}

#ifndef WITHOUT_SECCOMP
static int no_calls(void) {
	static const struct sock_filter code[] = {
		LOAD(arch), UNLESS(ARCH, 1), BPF_JUMP(BPF_JMP | BPF_JA, 1, 0, 0), ANSWER(SECCOMP_RET_KILL_PROCESS),
		LOAD(nr),
		ALLOW(futex),
		ALLOW_IF(read, 0, 0),
		ALLOW_IF(write, 0, 1),
		ALLOW_IF(prctl, 0, PR_SET_NAME), // libaom names its threads
		ALLOW(clock_gettime),
		ALLOW(munmap),
		ALLOW(mremap),
		ALLOW(madvise),
		ALLOW(brk),
		ALLOW(sched_yield),
		ALLOW(gettimeofday),
		ALLOW(getrandom),
		ALLOW(rt_sigprocmask),
		ALLOW(rt_sigaction), // libc's own, with the first thread
		ALLOW(set_robust_list),
		ALLOW(rseq),
		ALLOW(restart_syscall),
		ALLOW(exit),
		ALLOW(exit_group),
		ALLOW(seccomp), // adds to this filter, takes nothing from it
		ALLOW_BITS(mprotect, 2, 0, EXEC),
		UNLESS(__NR_mmap, 6), LOW(2), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, EXEC, 2, 0),
		LOW(3), BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, MAP_ANONYMOUS, 1, 0), ANSWER(SECCOMP_RET_KILL_PROCESS), ANSWER(SECCOMP_RET_ALLOW),
		ALLOW_BITS(clone, 0, THREAD, SPACES),
		// Its flags lie in memory, out of the filter's sight; libc falls back to clone.
		UNLESS(__NR_clone3, 1), ANSWER(SECCOMP_RET_ERRNO | ENOSYS),
		ANSWER(SECCOMP_RET_KILL_PROCESS),
	};
	return filter(code, sizeof code / sizeof *code, SECCOMP_FILTER_FLAG_TSYNC);
}
#endif

void confine_threads(void) {
	static const struct sock_filter code[] = {
		LOAD(nr),
		UNLESS(__NR_clone, 1), ANSWER(SECCOMP_RET_KILL_PROCESS),
		UNLESS(__NR_clone3, 1), ANSWER(SECCOMP_RET_KILL_PROCESS),
		UNLESS(__NR_seccomp, 1), ANSWER(SECCOMP_RET_KILL_PROCESS),
		ANSWER(SECCOMP_RET_ALLOW),
	};
	if (filter(code, sizeof code / sizeof *code, SECCOMP_FILTER_FLAG_TSYNC)) die("new threads cannot be forbidden");
}

// No rule at all: no file can be opened, made or run.
static int no_files(void) {
	struct landlock_ruleset_attr all = {.handled_access_fs =
		LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR |
		LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_MAKE_CHAR | LANDLOCK_ACCESS_FS_MAKE_DIR |
		LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_BLOCK |
		LANDLOCK_ACCESS_FS_MAKE_SYM};
	int rules = syscall(__NR_landlock_create_ruleset, &all, sizeof all, 0);
	if (rules < 0) return -1;
	int failed = syscall(__NR_landlock_restrict_self, rules, 0);
	close(rules);
	return failed;
}

static void limit(int what, rlim_t most) {
	struct rlimit l = {most, most};
	if (setrlimit(what, &l)) die("limits cannot be set");
}

int confine(size_t pixels) {
	int held = 0;
	if (getuid() == 0 || geteuid() == 0) {
		if (setgroups(0, NULL) || setresgid(NOBODY, NOBODY, NOBODY) || setresuid(NOBODY, NOBODY, NOBODY)) die("root cannot be given up");
		if (setuid(0) == 0 || setgid(0) == 0) die("root comes back");
	}
	held |= HELD_USER;
	// After the change of user, which forgets it.
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) || prctl(PR_SET_DUMPABLE, 0) || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) die("privileges cannot be given up");
	if (!no_files()) held |= HELD_LANDLOCK;
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_FSIZE, 0);
	limit(RLIMIT_NOFILE, 0);
	limit(RLIMIT_MEMLOCK, 0);
	limit(RLIMIT_AS, ((rlim_t)1 << 30) + (rlim_t)pixels * 100);
#ifndef WITHOUT_SECCOMP
	if (no_calls()) die("system calls cannot be filtered");
	held |= HELD_SECCOMP;
#endif
	return held;
}
