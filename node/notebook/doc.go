// Package notebook is what a device writes down of its own sessions until a
// controller has it: a chain of signed notes, kept on disk.
//
//	broker's events ──> Add (signs, chains) ──> Run (disk) ──> Waiting ──> a controller
//	                                                              ^            │ proves
//	                                                              └─ Done ─────┘ that it is in
//
// Only what is on disk is handed out, and it stays until Done names it, so a
// note reaches the audit log through any crash, and once: its number in the
// chain tells a controller that it came before. A note is on disk some
// milliseconds after its event; a crash in between loses it. Sessions that a
// crash cut off are noted as ended when the notebook is opened again.
//
// A device whose notebook is gone, or was set back to an older generation,
// begins another chain of a higher number; the log says so. Beyond MaxWaiting
// the oldest note is dropped, and the log shows the gap.
//
// Promises: Add never blocks on the disk. All methods but Run may be called
// from any goroutine.
package notebook
