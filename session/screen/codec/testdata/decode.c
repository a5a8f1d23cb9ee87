// decode CODEC: packets from standard input (length and bytes), pictures to
// standard output: width, height, whether full range is announced, and Y, U, V.
#include <aom/aom_decoder.h>
#include <aom/aomdx.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <vpx/vp8dx.h>
#include <vpx/vpx_decoder.h>

static void plane(const uint8_t *p, int stride, int w, int h) {
	for (int y = 0; y < h; y++) fwrite(p + (size_t)y * stride, 1, w, stdout);
}

static void picture(uint8_t **planes, int *stride, uint32_t w, uint32_t h, uint32_t full) {
	uint32_t head[3] = {w, h, full};
	fwrite(head, sizeof head, 1, stdout);
	plane(planes[0], stride[0], w, h);
	plane(planes[1], stride[1], (w + 1) / 2, (h + 1) / 2);
	plane(planes[2], stride[2], (w + 1) / 2, (h + 1) / 2);
	fflush(stdout);
}

int main(int argc, char **argv) {
	int codec = argc == 2 ? atoi(argv[1]) : 0;
	vpx_codec_ctx_t vpx;
	aom_codec_ctx_t aom;
	if (codec == 1 ? vpx_codec_dec_init(&vpx, vpx_codec_vp9_dx(), NULL, 0) : aom_codec_dec_init(&aom, aom_codec_av1_dx(), NULL, 0)) return 1;
	for (uint32_t n; fread(&n, sizeof n, 1, stdin) == 1;) {
		uint8_t *b = malloc(n);
		if (fread(b, 1, n, stdin) != n) return 2;
		void *at = NULL;
		if (codec == 1) {
			if (vpx_codec_decode(&vpx, b, n, NULL, 0)) return 3;
			vpx_image_t *i = vpx_codec_get_frame(&vpx, (const void **)&at);
			if (!i || i->fmt != VPX_IMG_FMT_I420) return 4;
			picture(i->planes, i->stride, i->d_w, i->d_h, i->range == VPX_CR_FULL_RANGE && i->cs == VPX_CS_BT_601);
		} else {
			if (aom_codec_decode(&aom, b, n, NULL)) return 3;
			aom_image_t *i = aom_codec_get_frame(&aom, (const void **)&at);
			if (!i || i->fmt != AOM_IMG_FMT_I420) return 4;
			picture(i->planes, i->stride, i->d_w, i->d_h, i->range == AOM_CR_FULL_RANGE && i->mc == AOM_CICP_MC_BT_601);
		}
		free(b);
	}
	return 0;
}
