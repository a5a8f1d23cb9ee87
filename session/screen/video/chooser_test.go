package video

import (
	"image"
	"strings"
	"testing"
	"time"

	"warren/session/screen/codec"
)

// act is a stretch of time in which the same goes on.
type act struct {
	span   time.Duration
	paint  image.Rectangle // every picture, at 30 a second
	beside image.Rectangle // likewise, which costs tiles, in bytes a picture, where it is not in the video
	tiles  int
	every  int // only each so many pictures; 0 is all
	bytes  int // of tiles, a picture, while there is no video
	behind bool
	link   Link
	wish   Wish

	want  image.Rectangle // at the end
	codec codec.Codec
	kbit  int
	why   string
	turns int // how often the region changed
}

func TestChoices(t *testing.T) {
	const s = time.Second
	all := image.Rect(0, 0, 1920, 1080)
	film := image.Rect(640, 320, 1280, 704) // on the squares
	corner := image.Rect(0, 0, 640, 32)
	text := image.Rect(100, 100, 1300, 900)
	fast, slow := Link{Rate: 100e6 / 8}, Link{Rate: 5e6 / 8}
	for name, acts := range map[string][]act{
		"nothing moves": {{span: 3 * s, link: slow, why: "as it is"}},
		"a film on a fast link": {
			{span: 2 * s, paint: film, bytes: 150_000, link: fast, want: film, codec: codec.VP9, kbit: 10_000, why: "took 20.4 Mbit/s", turns: 1},
			{span: 300 * time.Millisecond, link: fast, want: film, codec: codec.VP9, kbit: 10_000, why: "took 20.4 Mbit/s"},
			{span: 300 * time.Millisecond, link: fast, turns: 1, why: "as it is"},
		},
		"a film on a slow link": {
			{span: 2 * s, paint: film, bytes: 15_000, behind: true, link: slow, want: film, codec: codec.VP9, kbit: 3750, why: "the link carries 5.0 Mbit/s", turns: 1},
		},
		"a film on a thin link": {
			{span: 2 * s, paint: film, bytes: 4_000, behind: true, link: Link{Rate: 1e6 / 8}, want: film, codec: codec.AV1, kbit: 750, why: "1.0 Mbit/s", turns: 1},
		},
		"a film on a fast link of which little is allowed": {
			{span: 2 * s, paint: film, bytes: 15_000, link: Link{Rate: fast.Rate, Most: 2e6 / 8}, want: film, codec: codec.VP9, kbit: 1500, why: "2.0 Mbit/s are allowed", turns: 1},
		},
		"a film on a link of unknown rate of which little is allowed": {
			{span: 2 * s, paint: film, bytes: 3_000, behind: true, link: Link{Most: 1e6 / 8}, want: film, codec: codec.AV1, kbit: 750, why: "1.0 Mbit/s are allowed", turns: 1},
		},
		"a link of unknown rate that falls behind": {
			{span: 2 * s, paint: film, bytes: 3_000, behind: true, want: film, codec: codec.VP9, kbit: 4000, why: "does not carry", turns: 1},
		},
		"scrolling text costs little":  {{span: 5 * s, paint: text, bytes: 9_000, link: fast, why: "as it is"}},
		"a film that the link carries": {{span: 5 * s, paint: film, bytes: 15_000, link: Link{Rate: 15_000 * 30}, why: "as it is"}},
		"typing":                       {{span: 5 * s, paint: image.Rect(100, 100, 110, 120), bytes: 200, link: Link{Rate: 30_000}, why: "as it is"}},
		"a clock, twice a second":      {{span: 5 * s, paint: film, every: 15, bytes: 200_000, link: slow, why: "as it is"}},
		"a window opens":               {{span: 200 * time.Millisecond, paint: all, bytes: 300_000, behind: true, link: slow, why: "as it is"}},
		"lossless is wished": {
			{span: 2 * s, paint: film, bytes: 150_000, behind: true, link: slow, wish: Lossless, why: "asked for"},
			{span: 2 * s, paint: film, bytes: 150_000, link: slow, wish: Auto, want: film, codec: codec.VP9, kbit: 3750, turns: 1},
			{span: 100 * time.Millisecond, paint: film, link: slow, wish: Lossless, why: "asked for", turns: 1},
		},
		"video is wished": {
			{span: 500 * time.Millisecond, paint: text, bytes: 100, link: fast, wish: Video, want: image.Rect(64, 64, 1344, 896), codec: codec.VP9, kbit: 10_000, why: "video was asked for", turns: 1},
			{span: 500 * time.Millisecond, link: fast, wish: Video, turns: 1},
		},
		"too small for video": {{span: 3 * s, paint: image.Rect(0, 0, 100, 100), bytes: 100_000, behind: true, link: slow, why: "as it is"}},
		"the film becomes full screen, and small again": {
			{span: 2 * s, paint: film, bytes: 150_000, link: fast, want: film, codec: codec.VP9, kbit: 10_000, turns: 1},
			{span: 3 * s, paint: all, link: fast, want: all, codec: codec.VP9, kbit: 10_000, turns: 1},
			{span: 4 * s, paint: film, link: fast, want: film, codec: codec.VP9, kbit: 10_000, turns: 1},
		},
		"a clock in the corner stays exact": {
			{span: 4 * s, paint: film, beside: corner, tiles: 300, bytes: 150_000, link: fast, want: film, codec: codec.VP9, kbit: 10_000, turns: 1},
			{span: 3 * s, paint: all, beside: corner, tiles: 300, link: fast, want: all, codec: codec.VP9, kbit: 10_000, turns: 1},
			{span: 4 * s, paint: film, beside: corner, tiles: 300, link: fast, want: film, codec: codec.VP9, kbit: 10_000, turns: 1},
		},
		"a dear thing in the corner is video too, and stays it": {
			{span: 6 * s, paint: film, beside: corner, tiles: 60_000, bytes: 150_000, link: fast, want: film.Union(corner), codec: codec.VP9, kbit: 10_000, turns: 2},
		},
		"two films are video at once": {
			{span: 4 * s, paint: film, beside: film.Add(image.Pt(640, 320)), bytes: 150_000, link: fast, want: image.Rect(640, 320, 1920, 1024), codec: codec.VP9, kbit: 10_000, turns: 1},
		},
		"a film in pieces is one": {
			{span: 4 * s, paint: film, beside: image.Rect(640, 768, 1280, 832), bytes: 150_000, link: fast, want: image.Rect(640, 320, 1280, 832), codec: codec.VP9, kbit: 10_000, turns: 1},
		},
		"the rate follows the link": {
			{span: 2 * s, paint: film, bytes: 150_000, link: slow, want: film, codec: codec.VP9, kbit: 3750, turns: 1},
			{span: s, paint: film, link: Link{Rate: 5.5e6 / 8}, want: film, codec: codec.VP9, kbit: 3750},
			{span: s, paint: film, link: Link{Rate: 2e6 / 8}, want: film, codec: codec.VP9, kbit: 1500},
		},
		"a film that stops now and then does not flicker": {
			{span: 2 * s, paint: film, bytes: 150_000, link: fast, want: film, codec: codec.VP9, kbit: 10_000, turns: 1},
			{span: 600 * time.Millisecond, link: fast, turns: 1},
			{span: 300 * time.Millisecond, paint: film, bytes: 150_000, link: fast, why: "as it is"},
			{span: 2 * s, paint: film, bytes: 150_000, link: fast, want: film, codec: codec.VP9, kbit: 10_000, turns: 1},
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "-"), func(t *testing.T) {
			c := New(all.Max)
			now, n := time.Duration(0), 0
			was := Choice{}
			for i, a := range acts {
				c.Wish(a.wish)
				turns := 0
				for end := now + a.span; now < end; now += time.Second / 30 {
					if n++; a.every == 0 || n%a.every == 0 {
						c.Painted(now, a.paint)
						if was.Region.Empty() {
							c.Sent(now, a.bytes, a.behind)
						}
						c.Painted(now, a.beside)
						if !a.beside.In(was.Region) {
							c.Sent(now, a.tiles, false)
						}
					}
					got := c.Choose(now, a.link)
					if got.Region != was.Region {
						turns++
					}
					was = got
				}
				if was.Region != a.want || was.Codec != a.codec || was.Kbit != a.kbit || !strings.Contains(was.Why.String(), a.why) || turns != a.turns {
					t.Errorf("act %d: %+v after %d turns, want %v, %v, %d kbit/s, %q after %d", i, was, turns, a.want, a.codec, a.kbit, a.why, a.turns)
				}
			}
		})
	}
}

// TestAnySize: no picture is too small or too large, and no time too long.
func TestAnySize(t *testing.T) {
	for _, size := range []image.Point{{1, 1}, {65, 1}, {7680, 4320}} {
		c := New(size)
		c.Wish(Video)
		for i := range 100 {
			now := time.Duration(i) * 50 * time.Millisecond
			c.Painted(now, image.Rect(-10, -10, 20_000, 20_000))
			got := c.Choose(now, Link{})
			if !got.Region.In(image.Rectangle{Max: size}) {
				t.Fatalf("%v: %v", size, got.Region)
			}
		}
		if got := c.Choose(1000*time.Hour, Link{}); !got.Region.Empty() {
			t.Errorf("%v: %v after a long rest", size, got.Region)
		}
	}
}
