// VP9 for screens, in real time.
#include <vpx/vp8cx.h>
#include <vpx/vpx_encoder.h>

#include "codec.h"

static vpx_codec_ctx_t ctx;
static vpx_codec_enc_cfg_t cfg;
static int film; // what is encoded is one
static struct shrink size = {.quarters = 4};

static const char *vp9_open(const struct settings *s) {
	if (vpx_codec_enc_config_default(vpx_codec_vp9_cx(), &cfg, 0)) return "VP9 has no settings to begin with";
	REAL_TIME(cfg, s);
	cfg.rc_end_usage = VPX_CBR;
	cfg.rc_resize_allowed = 0;
	cfg.kf_mode = VPX_KF_DISABLED;
	if (vpx_codec_enc_init(&ctx, vpx_codec_vp9_cx(), &cfg, 0)) return "VP9 does not take these settings";
	if (vpx_codec_control(&ctx, VP8E_SET_CPUUSED, 9) ||
	    vpx_codec_control(&ctx, VP9E_SET_TUNE_CONTENT, VP9E_CONTENT_SCREEN) ||
	    vpx_codec_control(&ctx, VP9E_SET_AQ_MODE, 3) ||
	    vpx_codec_control(&ctx, VP9E_SET_ROW_MT, s->threads > 1) ||
	    vpx_codec_control(&ctx, VP9E_SET_TILE_COLUMNS, s->columns) ||
	    vpx_codec_control(&ctx, VP9E_SET_FRAME_PARALLEL_DECODING, 0) ||
	    vpx_codec_control(&ctx, VP9E_SET_NOISE_SENSITIVITY, 0) ||
	    vpx_codec_control(&ctx, VP8E_SET_STATIC_THRESHOLD, 1) ||
	    vpx_codec_control(&ctx, VP8E_SET_MAX_INTRA_BITRATE_PCT, 900) ||
	    vpx_codec_control(&ctx, VP9E_SET_COLOR_SPACE, VPX_CS_BT_601) ||
	    vpx_codec_control(&ctx, VP9E_SET_COLOR_RANGE, VPX_CR_FULL_RANGE))
		return "VP9 does not take these settings";
	return NULL;
}

// natural tells a film from a desktop: of text and windows most pixels equal
// their neighbour, of what a camera sees few.
static int natural(const struct picture *p) {
	enum { ROWS = 32 };
	long equal = 0;
	for (int i = 0; i < ROWS; i++) {
		const uint8_t *row = p->y + (size_t)((p->height - 1) * (long)i / (ROWS - 1)) * p->stride;
		for (int x = 1; x < p->width; x++) equal += row[x] == row[x - 1];
	}
	return equal * 10 < (long)ROWS * p->width * 3;
}

// tune leaves out the tools for screens while there is a film, which they make a
// quarter slower and no better.
static int tune(const struct picture *p) {
	static int films;
	films = natural(p) ? films + 1 : 0;
	int now = film ? films > 0 : films > 5;
	if (now == film) return 0;
	film = now;
	return vpx_codec_control(&ctx, VP9E_SET_TUNE_CONTENT, film ? VP9E_CONTENT_DEFAULT : VP9E_CONTENT_SCREEN);
}

static const char *encode(const struct picture *p, int64_t ms, int64_t duration, int key, struct packet *out) {
	vpx_image_t img;
	if (!vpx_img_wrap(&img, VPX_IMG_FMT_I420, p->width, p->height, 1, p->y)) return "VP9 has no room for the picture";
	img.planes[VPX_PLANE_U] = p->u;
	img.planes[VPX_PLANE_V] = p->v;
	img.stride[VPX_PLANE_Y] = p->stride;
	img.stride[VPX_PLANE_U] = img.stride[VPX_PLANE_V] = p->half;
	img.cs = VPX_CS_BT_601;
	img.range = VPX_CR_FULL_RANGE;
	if (vpx_codec_encode(&ctx, &img, ms, duration, key ? VPX_EFLAG_FORCE_KF : 0, VPX_DL_REALTIME)) return "VP9 could not encode the picture";
	vpx_codec_iter_t at = NULL;
	const vpx_codec_cx_pkt_t *pkt;
	while ((pkt = vpx_codec_get_cx_data(&ctx, &at))) {
		if (pkt->kind != VPX_CODEC_CX_FRAME_PKT) continue;
		if (out->size) return "VP9 made two packets of one picture";
		out->bytes = pkt->data.frame.buf;
		out->size = pkt->data.frame.sz;
		out->key = !!(pkt->data.frame.flags & VPX_FRAME_IS_KEY);
	}
	return NULL;
}

static const char *vp9_encode(const struct picture *p, int64_t ms, int64_t duration, int key, struct packet *out) {
	uint32_t began = micros();
	if (tune(p)) return "VP9 does not take another kind of content";
	const struct picture *q = shrink(&size, p);
	if (cfg.g_w != (unsigned)q->width) {
		cfg.g_w = q->width;
		cfg.g_h = q->height;
		if (vpx_codec_enc_config_set(&ctx, &cfg)) return "VP9 does not take another size";
	}
	const char *wrong = encode(q, ms, duration, key, out);
	out->quarters = size.quarters;
	shrink_learn(&size, p, film, micros() - began);
	return wrong;
}

static const char *vp9_bitrate(uint32_t kbit) {
	cfg.rc_target_bitrate = kbit;
	return vpx_codec_enc_config_set(&ctx, &cfg) ? "VP9 does not take the rate" : NULL;
}

const struct encoder vp9 = {vp9_open, vp9_encode, vp9_bitrate};
