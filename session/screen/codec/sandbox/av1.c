// AV1 for screens, in real time.
#include <aom/aom_encoder.h>
#include <aom/aomcx.h>

#include "codec.h"

static aom_codec_ctx_t ctx;
static aom_codec_enc_cfg_t cfg;

static const char *av1_open(const struct settings *s) {
	if (aom_codec_enc_config_default(aom_codec_av1_cx(), &cfg, AOM_USAGE_REALTIME)) return "AV1 has no settings to begin with";
	REAL_TIME(cfg, s);
	cfg.rc_end_usage = AOM_CBR;
	cfg.rc_resize_mode = 0;
	cfg.kf_mode = AOM_KF_DISABLED;
	if (aom_codec_enc_init(&ctx, aom_codec_av1_cx(), &cfg, 0)) return "AV1 does not take these settings";
	// What real time cannot afford is off, as WebRTC has it.
	const struct { int control, value; } all[] = {
		{AOME_SET_CPUUSED, 10},
		{AV1E_SET_TUNE_CONTENT, AOM_CONTENT_SCREEN},
		{AV1E_SET_ENABLE_PALETTE, 1},
		{AV1E_SET_ENABLE_INTRABC, 0},
		{AV1E_SET_AQ_MODE, 3},
		{AV1E_SET_ROW_MT, s->threads > 1},
		{AV1E_SET_TILE_COLUMNS, s->columns},
		{AV1E_SET_ENABLE_CDEF, 1},
		{AV1E_SET_ENABLE_RESTORATION, 0},
		{AV1E_SET_ENABLE_ORDER_HINT, 0},
		{AV1E_SET_ENABLE_TPL_MODEL, 0},
		{AV1E_SET_ENABLE_OBMC, 0},
		{AV1E_SET_ENABLE_WARPED_MOTION, 0},
		{AV1E_SET_ENABLE_GLOBAL_MOTION, 0},
		{AV1E_SET_ENABLE_REF_FRAME_MVS, 0},
		{AV1E_SET_ENABLE_CFL_INTRA, 0},
		{AV1E_SET_ENABLE_SMOOTH_INTRA, 0},
		{AV1E_SET_ENABLE_ANGLE_DELTA, 0},
		{AV1E_SET_ENABLE_FILTER_INTRA, 0},
		{AV1E_SET_INTRA_DEFAULT_TX_ONLY, 1},
		{AV1E_SET_DISABLE_TRELLIS_QUANT, 1},
		{AV1E_SET_COEFF_COST_UPD_FREQ, 3},
		{AV1E_SET_MODE_COST_UPD_FREQ, 3},
		{AV1E_SET_MV_COST_UPD_FREQ, 3},
		{AV1E_SET_NOISE_SENSITIVITY, 0},
		{AOME_SET_MAX_INTRA_BITRATE_PCT, 900},
		{AV1E_SET_MATRIX_COEFFICIENTS, AOM_CICP_MC_BT_601},
		{AV1E_SET_COLOR_PRIMARIES, AOM_CICP_CP_BT_709},
		{AV1E_SET_TRANSFER_CHARACTERISTICS, AOM_CICP_TC_SRGB},
		{AV1E_SET_COLOR_RANGE, AOM_CR_FULL_RANGE},
	};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		if (aom_codec_control(&ctx, all[i].control, all[i].value)) return "AV1 does not take these settings";
	return NULL;
}

static const char *av1_encode(const struct picture *p, int64_t ms, int64_t duration, int key, struct packet *out) {
	aom_image_t img;
	if (!aom_img_wrap(&img, AOM_IMG_FMT_I420, p->width, p->height, 1, p->y)) return "AV1 has no room for the picture";
	img.planes[AOM_PLANE_U] = p->u;
	img.planes[AOM_PLANE_V] = p->v;
	img.stride[AOM_PLANE_Y] = p->stride;
	img.stride[AOM_PLANE_U] = img.stride[AOM_PLANE_V] = p->half;
	img.range = AOM_CR_FULL_RANGE;
	if (aom_codec_encode(&ctx, &img, ms, duration, key ? AOM_EFLAG_FORCE_KF : 0)) return "AV1 could not encode the picture";
	aom_codec_iter_t at = NULL;
	const aom_codec_cx_pkt_t *pkt;
	while ((pkt = aom_codec_get_cx_data(&ctx, &at))) {
		if (pkt->kind != AOM_CODEC_CX_FRAME_PKT) continue;
		if (out->size) return "AV1 made two packets of one picture";
		out->bytes = pkt->data.frame.buf;
		out->size = pkt->data.frame.sz;
		out->key = !!(pkt->data.frame.flags & AOM_FRAME_IS_KEY);
	}
	return NULL;
}

static const char *av1_bitrate(uint32_t kbit) {
	cfg.rc_target_bitrate = kbit;
	return aom_codec_enc_config_set(&ctx, &cfg) ? "AV1 does not take the rate" : NULL;
}

const struct encoder av1 = {av1_open, av1_encode, av1_bitrate};
