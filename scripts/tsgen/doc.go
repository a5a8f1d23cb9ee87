// Command tsgen writes the console's TypeScript client from the schemas.
//
//	go run ./scripts/tsgen web/app/src/gen
//
// The Go package of the schemas carries their descriptors, so the pages are
// built from what the binary speaks, without buf or protoc:
//
//	api/warren/v1 (descriptors) ──> protoc-gen-es (npm) ──> src/gen/*.ts
//
// It writes only files whose content has changed, and removes those that no
// schema makes any more.
package main
