// Package faulttest gives the fault tests what they share: an id, a seed that
// replays them, a short and a long form, and one line of figures as JSON.
//
// A fault test is called TestFault…; make test runs the short forms, make soak
// the long ones. WARREN_SEED=N replays one, WARREN_SOAK=1 chooses the long
// form.
package faulttest
