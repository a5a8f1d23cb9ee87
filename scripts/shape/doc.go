// Command shape checks what linters do not see: that the house looks as its
// newcomers are told it does.
//
//	go run ./scripts/shape [ROOT]
//
// It fails where
//   - a package has no doc.go, or its comment does not begin with the
//     package's name;
//   - a room has no DESIGN.md;
//   - a Go file has more than 600 lines (above 400 it says so);
//   - a folder or file is named after nothing: util, common, helpers, types;
//   - a pure package starts a goroutine;
//   - a fuzz target has no corpus beside it.
//
// Generated code, testdata and the tools module are left out. Findings are one
// line each, as PATH: TEXT, sorted.
package main
