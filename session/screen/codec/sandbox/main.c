// The codec helper of warren's desktop: pictures in shared memory, commands by
// fd 0, packets by fd 1, nothing else. Whatever is not as it should be ends the
// process; who started it starts another.
#define _GNU_SOURCE
#include <errno.h>
#include <libyuv.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "codec.h"

enum { MAGIC = 0x31764377, MAX_SIDE = 8192, MAX_RECTS = 256, MAX_THREADS = 16 };

struct start { // 20 bytes
	uint32_t magic;
	uint8_t codec, threads, unused[2];
	uint32_t width, height, kbit;
};

struct command { // 8 bytes
	uint8_t kind, flags;
	uint16_t rects;
	uint32_t value; // of E the time in ms, of B kbit/s
};

struct rect { uint16_t x, y, w, h; };

struct answer { // 16 bytes
	uint8_t kind, flags;
	uint16_t quarters; // see struct packet
	uint32_t size, convert_us, encode_us;
};

static void put(const void *bytes, size_t n) {
	const uint8_t *p = bytes;
	while (n) {
		ssize_t done = write(1, p, n);
		if (done < 0 && errno == EINTR) continue;
		if (done <= 0) _exit(1);
		p += done;
		n -= done;
	}
}

// get ends the process where there is no more: its owner has gone.
static void get(void *bytes, size_t n) {
	uint8_t *p = bytes;
	while (n) {
		ssize_t done = read(0, p, n);
		if (done < 0 && errno == EINTR) continue;
		if (done <= 0) _exit(done < 0);
		p += done;
		n -= done;
	}
}

void die(const char *why) {
	struct answer a = {.kind = 'F', .size = strlen(why)};
	put(&a, sizeof a);
	put(why, a.size);
	_exit(2);
}

#ifdef TRIES
#include "tries.h"
#endif

uint32_t micros(void) {
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

uint8_t *plane(size_t n) {
	void *p = NULL;
	if (posix_memalign(&p, 64, n)) die("no memory for a picture");
	memset(p, 128, n);
	return p;
}

// convert brings a part of the shared picture (B, G, R, unused) into p.
static void convert(const struct picture *p, const uint8_t *shared, struct rect r) {
	int right = r.x + r.w, bottom = r.y + r.h; // colours are halved: whole pairs
	int x = r.x & ~1, y = r.y & ~1;
	right = (right + 1) & ~1;
	bottom = (bottom + 1) & ~1;
	if (r.w == 0 || r.h == 0 || right > p->width || bottom > p->height) die("a change lies outside the picture");
	size_t row = (size_t)p->width * 4;
	size_t half = (size_t)(y / 2) * p->half + x / 2;
	if (ARGBToJ420(shared + y * row + (size_t)x * 4, row, p->y + (size_t)y * p->stride + x, p->stride,
	               p->u + half, p->half, p->v + half, p->half, right - x, bottom - y))
		die("the picture cannot be converted");
}

int main(void) {
	prctl(PR_SET_NAME, "warren-codec");
	struct stat st;
	if (fstat(3, &st) || st.st_size < 4 || st.st_size > (off_t)MAX_SIDE * MAX_SIDE * 4) die("no shared picture");
	const uint8_t *shared = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, 3, 0);
	if (shared == MAP_FAILED) die("the shared picture cannot be mapped");
	if (syscall(__NR_close_range, 2, ~0u, 0)) die("files cannot be closed");
	int held = confine(st.st_size / 4);

	struct start s;
	get(&s, sizeof s);
	if (s.magic != MAGIC || s.width < 2 || s.height < 2 || s.width > MAX_SIDE || s.height > MAX_SIDE || s.width % 2 || s.height % 2 ||
	    (off_t)s.width * s.height * 4 != st.st_size || s.threads < 1 || s.threads > MAX_THREADS || s.kbit < 1 || s.kbit > 1000000)
		die("settings that cannot be");
	const struct encoder *encoder = s.codec == CODEC_VP9 ? &vp9 : s.codec == CODEC_AV1 ? &av1 : NULL;
	if (!encoder) die("a codec that is not known");
	struct settings settings = {.threads = s.threads, .width = s.width, .height = s.height, .kbit = s.kbit};
	while (2 << settings.columns <= s.threads && (2u << settings.columns) * 256 <= s.width) settings.columns++;
	const char *wrong = encoder->open(&settings);
	if (wrong) die(wrong);

	struct picture p = {.width = s.width, .height = s.height, .stride = (s.width + 63) & ~63};
	p.half = p.stride / 2;
	p.y = plane((size_t)p.stride * p.height);
	p.u = plane((size_t)p.half * p.height / 2);
	p.v = plane((size_t)p.half * p.height / 2);

	struct answer ready = {.kind = 'R', .flags = held};
	put(&ready, sizeof ready);

	static struct rect rects[MAX_RECTS];
	uint32_t last = 0;
	int64_t clock = 0;
	int first = 1;
	for (;;) {
		struct command c;
		get(&c, sizeof c);
		switch (c.kind) {
		case 'E': {
			if (c.rects > MAX_RECTS) die("too many changes");
			get(rects, c.rects * sizeof *rects);
			uint32_t began = micros();
			for (int i = 0; i < c.rects; i++) convert(&p, shared, rects[i]);
			uint32_t converted = micros();
			// A picture that rested does not save up bits for a burst.
			uint32_t gap = c.value - last;
			if (gap < 1) gap = 1;
			if (gap > 100) gap = first ? 33 : 100;
			clock += gap;
			last = c.value;
			struct packet out = {0};
			wrong = encoder->encode(&p, clock, gap, first || (c.flags & 1), &out);
			if (wrong) die(wrong);
			if (out.size > UINT32_MAX) die("a packet without end");
			if (first) confine_threads();
			first = 0;
			struct answer a = {.kind = 'P', .flags = out.key, .quarters = out.quarters, .size = out.size, .convert_us = converted - began, .encode_us = micros() - converted};
			put(&a, sizeof a);
			put(out.bytes, out.size);
			break;
		}
		case 'B':
			if (c.value < 1 || c.value > 1000000) die("a rate that cannot be");
			wrong = encoder->bitrate(c.value);
			if (wrong) die(wrong);
			break;
#ifdef TRIES
		case 'T':
			try(c.flags);
			break;
#endif
		default:
			die("a command that is not known");
		}
	}
}
