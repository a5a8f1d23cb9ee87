package screen

import "time"

// filmEvery is the time from one picture of a video to the next, in the mean.
// It is a little below that of 30 a second: a film that is a trace quicker
// would wait longer with each picture, and lose one in the end.
const filmEvery = time.Second / 32

// beat says when pictures of a video may be grabbed: one for each filmEvery,
// and each as soon as it was painted. Who asked late may ask early the next
// time, by one picture: a beat that a film has to fall in with would make all
// of its pictures wait.
type beat struct {
	next time.Time // when the next may be grabbed
}

// took notes that a picture is grabbed.
func (b *beat) took(now time.Time) {
	if early := now.Add(-filmEvery); b.next.Before(early) {
		b.next = early
	}
	b.next = b.next.Add(filmEvery)
}
