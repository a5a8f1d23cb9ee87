// What the parts of the codec helper have of each other. The way in and out of
// the process is told in ../doc.go.
#ifndef WARREN_CODEC_H
#define WARREN_CODEC_H

#include <stddef.h>
#include <stdint.h>

enum { CODEC_VP9 = 1, CODEC_AV1 = 2 };

// Sizes are even and at most 8K; main.c has checked all of it.
struct settings {
	int threads, width, height;
	int columns; // of tiles, one a thread; the exponent of 2
	uint32_t kbit;
};

// What both libraries' settings call by the same names: pictures as they come,
// one packet each, at a constant rate.
#define REAL_TIME(cfg, s) \
	do { \
		(cfg).g_w = (s)->width; \
		(cfg).g_h = (s)->height; \
		(cfg).g_threads = (s)->threads; \
		(cfg).g_timebase.num = 1; \
		(cfg).g_timebase.den = 1000; \
		(cfg).g_lag_in_frames = 0; \
		(cfg).g_error_resilient = 0; \
		(cfg).rc_target_bitrate = (s)->kbit; \
		(cfg).rc_min_quantizer = 2; \
		(cfg).rc_max_quantizer = 56; \
		(cfg).rc_undershoot_pct = 50; \
		(cfg).rc_overshoot_pct = 50; \
		(cfg).rc_buf_sz = 1000; \
		(cfg).rc_buf_initial_sz = 500; \
		(cfg).rc_buf_optimal_sz = 600; \
		(cfg).rc_dropframe_thresh = 0; \
	} while (0)

// 4:2:0, BT.601, full range.
struct picture {
	uint8_t *y, *u, *v;
	int stride, half; // bytes a row of y, and of u and v
	int width, height;
};

// Its bytes belong to the encoder until the next call.
struct packet {
	const uint8_t *bytes;
	size_t size;
	int key;
	int quarters; // of width and height that are there; 0 is all
};

// Each answers NULL, or a sentence without end that says what went wrong.
struct encoder {
	const char *(*open)(const struct settings *);
	const char *(*encode)(const struct picture *, int64_t ms, int64_t duration, int key, struct packet *);
	const char *(*bitrate)(uint32_t kbit);
};

extern const struct encoder vp9, av1;

enum { HELD_SECCOMP = 1, HELD_LANDLOCK = 2, HELD_USER = 4 };

// confine gives up all that encoding does not need, before a byte of input is
// read; pixels bound the memory. It answers what holds, or ends the process:
// without seccomp nothing is encoded.
int confine(size_t pixels);

// confine_threads forbids new threads; the encoder has made its own by then.
void confine_threads(void);

// shrink is how large a film is encoded: all that there is, until that takes too
// long.
struct shrink {
	int quarters; // of width and height
	int pictures; // since that changed
	uint32_t mean; // µs that one took
	struct picture small;
};

// shrink_learn is told how long a picture took; what is no film stays as it is.
void shrink_learn(struct shrink *s, const struct picture *p, int film, uint32_t us);

// shrink gives what is to be encoded of p, good until the next call.
const struct picture *shrink(struct shrink *s, const struct picture *p);

// plane makes room for n pixels, grey.
uint8_t *plane(size_t n);

// micros is a clock.
uint32_t micros(void);

void die(const char *why) __attribute__((noreturn));

#endif
