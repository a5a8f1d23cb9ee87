# warren's build. The two commands to know: make demo, make test.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

VERSION := $(or $(VERSION),$(shell git describe --tags --always --dirty 2>/dev/null || echo dev))
FUZZTIME ?= 20s

# The product is one static file without paths of the machine that built it.
LDFLAGS := -s -w -X main.version=$(VERSION)
GOBUILD := CGO_ENABLED=0 go build -trimpath -buildvcs=false -ldflags "$(LDFLAGS)"

# Without ts_omit_cloud the tunnel library asks cloud metadata services for
# hints. What is tested and linted is what is built.
export GOFLAGS := $(strip $(filter-out -tags=ts_omit_cloud,$(GOFLAGS)) -tags=ts_omit_cloud)

TOOLS := $(addprefix .bin/,buf gofumpt golangci-lint protoc-gen-connect-go protoc-gen-go)
CROSS := linux/arm64 windows/amd64 darwin/arm64

# The pages of the console, and what they are made of.
PAGES := web/dist/index.html
NODE_MODULES := web/app/node_modules/.package-lock.json
PAGE_SOURCES := $(shell find web/app -type d \( -name node_modules -o -name gen -o -name e2e -o -name test \) -prune -o -type f -print)

# The desktop's codec helper, and the packages that it is made of.
HELPER := session/screen/codec/built/$(shell go env GOARCH)/helper.zst
HELPER_SOURCES := $(wildcard session/screen/codec/sandbox/* scripts/codec/*.go /var/lib/dpkg/status)

.PHONY: help setup packages build pages codec dist reproduce e2e check test cross demo bench bench-desktop fuzz generate baseline lab lab-systemd soak clean

help: ## show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' Makefile | expand -t 12

setup: packages $(TOOLS) ## install Debian packages and the pinned tools

packages:
	@scripts/setup.sh base codec

# Rebuilt where a tool is missing or older than the versions it is pinned to.
$(TOOLS) &: tools/go.mod tools/go.sum
	@echo "building the pinned tools into .bin (once, a few minutes)"
	cd tools && GOBIN=$(CURDIR)/.bin go install -trimpath tool
	@touch $(TOOLS)

$(NODE_MODULES): web/app/package.json web/app/package-lock.json
	cd web/app && npm ci --loglevel=error
	@touch $@

# Their client is written from the schemas that the binary speaks.
$(PAGES): $(NODE_MODULES) $(PAGE_SOURCES) $(wildcard api/warren/v1/*.pb.go scripts/tsgen/*.go)
	go run ./scripts/tsgen web/app/src/gen
	cd web/app && npm run --silent build
	@touch $@

pages: $(PAGES) ## the console's pages, which the binary carries

# Where it cannot be built the file is not there afterwards, and the reason said.
session/screen/codec/built/%/helper.zst: $(HELPER_SOURCES)
	@go run ./scripts/codec $*

codec: $(HELPER) ## the video codecs, which the binary carries where it can

build: pages codec ## bin/warren, static and stripped
	$(GOBUILD) -o bin/warren ./cmd/warren

# What is made depends on the commit, its time, and Go's release alone.
SOURCE_DATE_EPOCH ?= $(shell git log -1 --format=%ct 2>/dev/null)

# Apart from the other tools: only who makes packages builds it.
.bin/nfpm: tools/pack/go.mod tools/pack/go.sum
	cd tools/pack && GOBIN=$(CURDIR)/.bin go install -trimpath tool
	@touch $@

dist: pages session/screen/codec/built/amd64/helper.zst session/screen/codec/built/arm64/helper.zst .bin/nfpm ## deb, rpm and tarballs for amd64 and arm64, SBOM, sums: in dist/
	@for arch in amd64 arm64; do \
		GOOS=linux GOARCH=$$arch $(GOBUILD) -o bin/dist/$$arch/warren ./cmd/warren; \
	done
	go run ./scripts/dist -version $(VERSION) -epoch $(SOURCE_DATE_EPOCH)
	@ls -l dist

reproduce: dist ## build again, elsewhere and from nothing, and compare
	@VERSION=$(VERSION) SOURCE_DATE_EPOCH=$(SOURCE_DATE_EPOCH) scripts/reproduce.sh

check: $(TOOLS) ## format, vet, lint, schemas, shape
	@scripts/check.sh

# The summary of every package is kept for .ci/run to repeat at the end. The
# large fleets of mesh/gossip run without the race detector: see mostRaced.
# Packages run one after the other: their stories are real processes, and what
# they measure in seconds means little where others compile.
test: setup pages codec check ## everything that needs no more than this machine
	@mkdir -p bin
	@scripts/setup.sh base e2e
	cd web/app && npm run --silent test
	go test -p 1 -race -shuffle=on -timeout 15m ./... 2>&1 | tee bin/test.log
	go test -shuffle=on -timeout 15m ./mesh/gossip 2>&1 | tee -a bin/test.log
	$(MAKE) --no-print-directory build
	bin/warren version
	@stories=; for of in chromium:first firefox-esr:firefox; do \
		if [ -x "/usr/bin/$${of%:*}" ] || [ "$${CI:-}" = true ]; then stories+=" $${of#*:}"; \
		else echo "test: there is no $${of%:*}, so the story $${of#*:} is not played; try: sudo apt-get install $${of%:*}"; fi; \
	done; \
	if [ -n "$$stories" ]; then cd web/app && npm run --silent e2e -- $$stories; fi

cross: ## compile for the other systems
	@for target in $(CROSS); do \
		export CGO_ENABLED=0 GOOS=$${target%/*} GOARCH=$${target#*/}; \
		go build -buildvcs=false ./...; \
		go vet ./...; \
		echo "$$target compiles"; \
	done

demo: packages build ## a whole mesh on this machine, until Ctrl-C
	bin/warren demo

bench: build ## measure beside OpenSSH and wireguard-go, write docs/benchmarks.md
	@scripts/setup.sh base bench
	go run ./scripts/bench $(BENCH)

bench-desktop: build ## the desktop beside VNC servers with noVNC, write docs/benchmarks-desktop.md
	@scripts/setup.sh base e2e desktop-bench
	go run ./scripts/bench-desktop $(BENCH)

fuzz: ## run every fuzz target for FUZZTIME (20s)
	@FUZZTIME=$(FUZZTIME) scripts/fuzz.sh

generate: $(TOOLS) ## Go code from the schemas in api/, docs/verbs.md from the verbs
	cd api && PATH="$(CURDIR)/.bin:$$PATH" buf generate
	go test ./cmd/warren -run TestVerbsPage -update

lab: build ## stories in network namespaces, as root
	@scripts/setup.sh base e2e
	go run ./scripts/lab $(LAB)

lab-systemd: build dist ## as a service and from the package, in a booted Debian, as root
	@scripts/setup.sh base systemd
	scripts/systemd.sh

soak: ## the long forms of the fault tests, a line of figures each
	@scripts/soak.sh $(SOAK)

baseline: $(TOOLS) ## what later schemas are held against; for a release
	cd api && PATH="$(CURDIR)/.bin:$$PATH" buf build -o baseline.binpb

e2e: packages build ## the console in Debian's Chromium and Firefox, against a demo mesh
	@scripts/setup.sh base e2e
	cd web/app && npm run --silent e2e

clean: ## remove what was built
	rm -rf bin dist .bin web/app/node_modules web/app/src/gen
	find web/dist session/screen/codec/built -type f -not -name .keep -delete
