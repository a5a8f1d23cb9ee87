// Package console serves the pages of this machine's node to the browser of
// the person who sits at it.
//
//	warren console --socket--> one-time token --> http://localhost:PORT/#t=TOKEN
//	page --POST /console/enter--> bearer (12 hours, kept by the tab)
//	page --bearer--> Connect services of the local API, as that local user
//	page --bearer in the first message--> /console/terminal, a WebSocket
//	page --likewise--> /console/desktop, another: pictures there, input back
//
// It listens on 127.0.0.1 and ::1, on both or on none: a browser that is told
// localhost may take either, and the other could be somebody else's. Every
// request passes the same gates, in this order: the Host, one of three; the
// path, exactly one of those declared; the Origin; the rate; the bearer. Pages
// and scripts need no bearer and know nothing; no cookie is used, and no GET
// changes anything.
//
// A bearer says which local user asked for it, and for whose browser: where
// the system tells who is at the other end of a connection, another user's
// program cannot use it. What it may do is what the local socket lets that
// user do at the time of the request; nothing is decided twice. It outlives a
// restart of the node, since it is checked against a key in the state folder.
// What it opened ends with it, unless the page shows another before.
//
// Local users whom the node does not know have a few connections and a rate of
// their own until they show a bearer, so that they take nothing from others.
//
// Promises: what a page sends is bounded in size, rate and time; a terminal's
// output stops where the page does not acknowledge it, and a desktop's where
// the page does not read; one that reads nothing has to leave a second after
// its right has ended; frames are joined from their parts up to a bound and not
// looked into. Run owns every goroutine and ends with its context.
package console
