// Films that take too long come smaller: half as many pixels that move in time
// are worth more than all of them late, and the page stretches them.
#include <libyuv.h>

#include "codec.h"

// µs that a picture may take: at 30 a second there are 33000. Tests have less.
#ifndef TOO_LONG
#define TOO_LONG 24000
#endif

enum {
	LEAST = 1280 * 720,  // pixels: below that nothing is gained
	SHORT = 19000,       // µs that a larger picture would have to take
	SOON = 12, LATE = 90 // pictures after which it becomes smaller, larger
};

void shrink_learn(struct shrink *s, const struct picture *p, int film, uint32_t us) {
	if (!film || p->width * p->height < LEAST) {
		s->quarters = 4;
		s->pictures = 0;
		return;
	}
	s->mean = s->pictures++ ? (s->mean * 7 + us) / 8 : us;
	uint32_t larger = s->quarters < 4 ? s->mean / (s->quarters * s->quarters) * ((s->quarters + 1) * (s->quarters + 1)) : UINT32_MAX;
	if (s->pictures >= SOON && s->mean > TOO_LONG && s->quarters > 2) s->quarters--;
	else if (s->pictures >= LATE && larger < SHORT) s->quarters++;
	else return;
	s->pictures = 0;
}

const struct picture *shrink(struct shrink *s, const struct picture *p) {
	if (s->quarters == 4) return p;
	struct picture *to = &s->small;
	if (!to->y) {
		*to = *p; // room for any of the sizes
		to->y = plane((size_t)p->stride * p->height);
		to->u = plane((size_t)p->half * p->height / 2);
		to->v = plane((size_t)p->half * p->height / 2);
	}
	to->width = p->width * s->quarters / 4 & ~1;
	to->height = p->height * s->quarters / 4 & ~1;
	if (I420Scale(p->y, p->stride, p->u, p->half, p->v, p->half, p->width, p->height,
	              to->y, to->stride, to->u, to->half, to->v, to->half, to->width, to->height, kFilterBilinear))
		die("the picture cannot be made smaller");
	return to;
}
