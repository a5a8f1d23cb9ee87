// Command dist makes what people install from the binaries in a folder.
//
//	make dist
//
//	bin/dist/ARCH/warren ---+--> deb and rpm, by nfpm
//	the program itself:     |    warren_VERSION_linux_ARCH.tar.gz
//	  man pages, completion +--> warren_VERSION_linux_ARCH.cdx.json (CycloneDX)
//	node/platform/service:  |    SHA256SUMS
//	  the unit -------------+
//
// The same commit, the same Go and the same SOURCE_DATE_EPOCH give the same
// bytes, in any folder, on any machine; make reproduce builds twice and
// compares. So nothing here reads a clock, a host name, a user or the order of
// a map.
//
// The list of materials is what the linker wrote into the binary, not what
// go.mod would allow, what the pages were built from, and the libraries of the
// codec helper where the binary carries one. Each module's licence
// is read from its files and goes into the packages as a whole; one that is
// not known, or is of the GPL's family, ends the build.
package main
