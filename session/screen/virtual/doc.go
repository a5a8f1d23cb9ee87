// Package virtual makes a display where a machine has none: Xvfb with a light
// window manager, as large as the viewer's picture, for as long as somebody
// looks at it.
//
//	Desk.Open --the machine has a display--> the inner Desk's
//	          \--none, and the session wants one--> Xvfb + window manager --> the inner Desk's
//
// The programs are the machine's own; where they are not installed the error
// names the packages, and nothing is ever installed. Everybody who works on the
// display works as one user of the machine, so a node that runs as root makes
// none unless it is told as whom: the keyboard of a root desktop is root.
//
// Promises: the display is open to nobody without its key, which lies in a
// folder of that user alone; it ends with its last session, and with the node.
// Nobody sits at it, so nobody is asked or told there: where the policy wants
// consent, the session is refused.
package virtual
