# make demo   the main job on real Debian kernels
# make test   the tests that need no kernel packages
# make check  all tests: test, e2e, vm, pipelines, small
# The others are listed by `make help`. Debian packages are installed by
# `make deps` alone, which every target that needs some calls first; make demo
# needs two of them.

GO       ?= go
CACHE    ?= $(or $(KPKG_BTF_CACHE),$(or $(XDG_CACHE_HOME),$(HOME)/.cache)/kpkg-btf)
BIN      := bin/kpkg-btf bin/kpkg-btf-package bin/kpkg-btf-audit
DOCS     ?= bin/doc
SITE     ?= bin/site
VERSION  := $(shell sed -n 's/^var Version = "\(.*\)"/\1/p' internal/toolversion/toolversion.go)
FETCH    := testdata/real/fetch.sh -c $(CACHE)
SUITE    := bookworm-security
OLD      := linux-image-6.1.0-55-amd64=6.1.192-1
NEW      := linux-image-6.1.0-56-amd64=6.1.192-2
OLDHDR   := linux-headers-6.1.0-55-amd64=6.1.192-1
NEWHDR   := linux-headers-6.1.0-56-amd64=6.1.192-2
SOURCES  := $(shell find cmd internal policy -name '*.go' -o -name '*.yaml') $(shell find hooks -type f) go.mod go.sum

export KPKG_BTF_CACHE := $(CACHE)
export CGO_ENABLED ?= 0

.PHONY: help build deps tools demo test lint e2e vm pipelines small check bench bench-table long third-party schemas docs pages site dist clean

help:
	@sed -n 's/^\([a-z-]*\):.*## */\1\t/p' Makefile | sort | expand -t 12

build: $(BIN) ## the static binaries: bin/kpkg-btf, with kpkg-btf-package and kpkg-btf-audit beside it

$(BIN): bin/%: $(SOURCES)
	$(GO) build -trimpath -o $@ ./cmd/$*

deps: ## install the Debian packages that the other targets need (root)
	@testdata/real/deps.sh

tools: deps ## a verified trixie chroot in the cache, for references newer than Debian 12
	@testdata/real/tools.sh $(CACHE)

demo: $(BIN) ## fetch two real kernels and show the problem
	@testdata/real/deps.sh demo
	@testdata/real/demo.sh bin/kpkg-btf "$(FETCH)"

test: deps lint ## unit tests, scripts, small fixtures
	$(GO) test ./...
	CGO_ENABLED=1 $(GO) test -race -short ./...

lint: ## gofmt, vet, staticcheck, unparam, deadcode, shellcheck
	@out=$$(gofmt -l cmd internal policy hooks); [ -z "$$out" ] || { echo "not gofmt-clean: $$out"; exit 1; }
	$(GO) vet ./...
	$(GO) vet -tags e2e,vm,pipelines,small,bench,long ./...
	GO=$(GO) testdata/real/lint.sh $(CACHE)
	shellcheck -x .ci/run testdata/real/*.sh rpm/brp-kpkg-btf rpm/kpkg-btf.deps hooks/debian/dpkg-* hooks/kbuild/pin-* hooks/audit/slurm-array hooks/audit/gnu-parallel hooks/host/dkms-* hooks/host/postinst.d-* hooks/host/host-check

e2e: deps tools $(BIN) ## real packages
	@testdata/real/deps.sh e2e
	@rm -f $(CACHE)/gone
	$(GO) test -tags e2e -timeout 29m -count 1 $$(grep -rl --include='*_test.go' 'go:build e2e' internal | xargs -n 1 dirname | sort -u | sed 's,^,./,'); \
	code=$$?; [ ! -f $(CACHE)/gone ] || sort -u $(CACHE)/gone; exit $$code

vm: deps $(BIN) ## booted kernels in QEMU
	$(GO) test -tags vm -timeout 40m -count 1 -v ./internal/vmtest/...

pipelines: deps tools $(BIN) ## real rpmbuild and dpkg-buildpackage
	@testdata/real/deps.sh pipelines
	$(GO) test -tags pipelines -timeout 40m -count 1 -v ./internal/pipelines/...

small: deps $(BIN) ## one small 6.1 kernel: built here, pinned, packed, booted
	$(GO) test -tags small -timeout 30m -count 1 -v ./internal/smallkernel/...

check: test e2e vm pipelines small ## all tests

bench: deps $(BIN) ## speed as ratios in one run
	$(GO) test -tags bench -timeout 40m -count 1 -v ./internal/bench/...

bench-table: deps $(BIN) ## the same, appended to docs/performance.md
	BENCH_TABLE=$(CURDIR)/docs/performance.md BENCH_OF="$(VERSION), $$(git log -1 --format=%cs)" $(GO) test -tags bench -timeout 40m -count 1 -v ./internal/bench/...

long: deps $(BIN) ## mutants by the hundred thousand, fuzzing, packaging of later kernels
	testdata/real/long.sh

third-party: ## regenerate THIRD_PARTY.md and debian/copyright from the modules
	$(GO) run ./internal/thirdparty > THIRD_PARTY.md
	$(GO) run ./internal/thirdparty -dep5 > debian/copyright

schemas: ## regenerate the JSON schemas from Go types; count answers that changed
	$(GO) generate ./internal/schema
	$(GO) test ./internal/audit/rules -update >/dev/null

docs: ## manual pages and completions, from the commands and docs/
	$(GO) run ./internal/docgen $(DOCS)

pages: ## the generated pages of docs/, and what all pages show of commands
	$(GO) run ./internal/docgen -pages
	$(GO) test ./internal/cli -run TestDocs -update

site: ## docs/ as a static site
	@rm -rf $(SITE)
	$(GO) run ./internal/docgen -site $(SITE)

dist: ## the source with its modules, as the .deb and .rpm builds take it
	@rm -rf dist/kpkg-btf-$(VERSION) && mkdir -p dist/kpkg-btf-$(VERSION)
	git archive HEAD | tar -x -C dist/kpkg-btf-$(VERSION)
	cd dist/kpkg-btf-$(VERSION) && $(GO) mod vendor && rm -rf debian .ci
	tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@$$(git log -1 --format=%ct) -C dist -cf - kpkg-btf-$(VERSION) | \
		xz -6 -T1 > dist/kpkg-btf_$(VERSION).orig.tar.xz
	@rm -rf dist/kpkg-btf-$(VERSION)
	@echo dist/kpkg-btf_$(VERSION).orig.tar.xz

clean:
	rm -rf bin dist
