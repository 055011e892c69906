/* SPDX-License-Identifier: GPL-3.0-or-later */
/*
 * replay: a target without libFuzzer, for any compiler: replay_NAME FILE|DIRECTORY... runs each file through the target NAME,
 * those of a directory in the order of their names.
 *
 * What holds for each input, and the file is named where it does not:
 * - it ends, and not by a signal;
 * - it takes less than CPU_SECONDS of processor time;
 * - it asks for no more than ALLOC_MAX bytes of memory at once, and the process never has more than RESIDENT_MAX. A stream is read
 *   with buffers of some 3 MiB, metadata with up to 8 MiB;
 * - it leaves no memory behind: of the runs after the first, one at least adds nothing. Some things are made once, and the
 *   allocator keeps small pieces.
 *
 * Linked with --wrap for the allocators: what our own objects ask for is seen, not what libraries ask for themselves.
 * Sanitizers bring their own allocator; of theirs only the single request is looked at.
 */
#include "fuzz.h"

#include <dirent.h>
#include <malloc.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define CPU_SECONDS  2
#define ALLOC_MAX    (UINT64_C(16) << 20)
#define RESIDENT_MAX 64 /* MiB */
#define FILE_MAX     (UINT64_C(16) << 20)
#define RUNS	     12

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#endif
#if !defined(SANITIZED) && defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

static const char *current = "no input yet";
static unsigned long nr_inputs;
static uint64_t largest;
static double slowest;

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "%s: %s\n", current, what);
	_exit(1);
}

/* Allocators */

void *__real_malloc(size_t len);
void *__real_calloc(size_t nr, size_t len);
void *__real_realloc(void *p, size_t len);
void *__real_reallocarray(void *p, size_t nr, size_t len);
void *__real_aligned_alloc(size_t align, size_t len);
void *__wrap_malloc(size_t len);
void *__wrap_calloc(size_t nr, size_t len);
void *__wrap_realloc(void *p, size_t len);
void *__wrap_reallocarray(void *p, size_t nr, size_t len);
void *__wrap_aligned_alloc(size_t align, size_t len);

static void ask(size_t nr, size_t len)
{
	size_t all;

	if (__builtin_mul_overflow(nr, len, &all) || all > ALLOC_MAX)
		fail("asks for more memory than any input may");
	largest = all > largest ? all : largest;
}

void *__wrap_malloc(size_t len)
{
	ask(1, len);
	return __real_malloc(len);
}

void *__wrap_calloc(size_t nr, size_t len)
{
	ask(nr, len);
	return __real_calloc(nr, len);
}

void *__wrap_realloc(void *p, size_t len)
{
	ask(1, len);
	return __real_realloc(p, len);
}

void *__wrap_reallocarray(void *p, size_t nr, size_t len)
{
	ask(nr, len);
	return __real_reallocarray(p, nr, len);
}

void *__wrap_aligned_alloc(size_t align, size_t len)
{
	ask(1, len);
	return __real_aligned_alloc(align, len);
}

/* Runs */

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		_exit(1);
}

static void on_signal(int sig)
{
	say(current);
	say(sig == SIGPROF ? ": takes too long\n" : sig == SIGABRT ? ": failed\n" : ": crashed\n");
	_exit(1);
}

static double cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Returns how many bytes it left behind. */
static long run_once(const uint8_t *data, size_t len)
{
	const struct itimerval limit = {.it_value = {.tv_sec = CPU_SECONDS}};
	const struct itimerval none = {0};
	const struct mallinfo2 before = mallinfo2();
	const double begin = cpu_time();
	struct mallinfo2 after;
	double took;

	setitimer(ITIMER_PROF, &limit, NULL);
	LLVMFuzzerTestOneInput(data, len);
	setitimer(ITIMER_PROF, &none, NULL);
	took = cpu_time() - begin;
	slowest = took > slowest ? took : slowest;
	after = mallinfo2();
	return (long)(after.uordblks + after.hblkhd) - (long)(before.uordblks + before.hblkhd);
}

static void run(const uint8_t *data, size_t len)
{
	struct rusage usage;
	int i;

	nr_inputs++;
	for (i = 0; i < RUNS; i++)
		if (run_once(data, len) <= 0)
			break;
	if (i == RUNS)
		fail("leaves memory behind");
	getrusage(RUSAGE_SELF, &usage);
	if (!SANITIZED && usage.ru_maxrss > RESIDENT_MAX * 1024L)
		fail("took more memory than any input may");
}

static void run_file(const char *path)
{
	struct stat st;
	uint8_t *data;
	FILE *f = fopen(path, "rb");

	current = path;
	if (!f || fstat(fileno(f), &st) || (uint64_t)st.st_size > FILE_MAX)
		fail("cannot be read");
	/* Exactly as long as the input: what reads on is found by a sanitizer. */
	data = __real_malloc((size_t)st.st_size ? (size_t)st.st_size : 1);
	if (!data || fread(data, 1, (size_t)st.st_size, f) != (size_t)st.st_size)
		fail("cannot be read");
	fclose(f);
	run(data, (size_t)st.st_size);
	free(data);
}

static void run_directory(const char *path)
{
	struct dirent **names;
	char *name;
	int n = scandir(path, &names, NULL, alphasort);
	int i;

	current = path;
	if (n < 0)
		fail("cannot be read");
	for (i = 0; i < n; i++) {
		if (names[i]->d_name[0] != '.' && asprintf(&name, "%s/%s", path, names[i]->d_name) > 0) {
			run_file(name);
			free(name);
		}
		free(names[i]);
	}
	free(names);
}

int main(int argc, char **argv)
{
	static const int signals[] = {SIGPROF, SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL};
	struct stat st;
	size_t i;
	int a;

	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++)
		if (signals[i] == SIGPROF || signals[i] == SIGABRT || !SANITIZED)
			signal(signals[i], on_signal);
	for (a = 1; a < argc; a++) {
		if (stat(argv[a], &st) == 0 && S_ISDIR(st.st_mode))
			run_directory(argv[a]);
		else
			run_file(argv[a]);
	}
	printf("%lu inputs, the slowest %.0f ms, the largest piece of memory %llu KiB\n", nr_inputs, slowest * 1000,
	       (unsigned long long)(largest + 1023) / 1024);
	return nr_inputs == 0;
}
