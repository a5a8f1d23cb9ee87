// Command codec builds the desktop's codec helper and packs it for the binary.
//
//	go run ./scripts/codec amd64
//
//	session/screen/codec/sandbox/*.c --build.sh--> a static program
//	  --zstd--> session/screen/codec/built/ARCH/helper.zst  go:embed takes it
//	            session/screen/codec/built/ARCH.json        its libraries, for make dist
//
// Where the compiler or a library is missing, the helper of an earlier build is
// removed, the reason printed, and all is well: warren works without it, only
// its desktop has no video. The same sources and packages give the same bytes.
package main
