// Package shell is the session kind "shell": a terminal, or one command with
// its own stdin, stdout, stderr and exit code.
//
// On the device, Kind starts the login shell of the OS user, or exactly the
// argv that was asked for, in a session and process group of its own, with a
// clean environment and no file of the node's. With a terminal it runs on a
// PTY, without one on three pipes. On the technician's side, Client is the
// other half.
//
//	Client.Write --> stdin -->  +--------+ --> pipe or PTY --> process
//	                            | frames |                       |
//	out.Stdout <-- stdout <---  +--------+ <-- pipe or PTY <-----+
//	Client.Acked ---- ack --->      window of 256 KiB per direction
//
// Each frame is one message of the stream: a type byte, then fixed fields, then
// bytes. Data frames carry the 64-bit offset of their first byte, so that a
// broken session can be picked up at the exact byte one day. What the final
// consumer has not acknowledged is bounded: a program that prints faster than
// it is read is made to wait, and Ctrl-C is felt at once.
//
// Promises: output arrives whole, in order and before the exit code, however
// slowly it is read; a process that ends is reported even where it left
// children on its terminal; when the session ends, the process group gets
// SIGHUP, a moment later SIGTERM, and SIGKILL within a second.
//
// It does not record, does not run PAM modules or write utmp, and does not
// serve Windows yet.
package shell
