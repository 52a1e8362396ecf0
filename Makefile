# camgate. `make` alone lists what there is to do.

SHELL    := /bin/bash -o pipefail
TAGS     := nomsgpack
VERSION  := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS  := -s -w -X main.version=$(VERSION)
# Inlining takes room and saves time only in what runs for each packet, picture and
# sample: what is ours of that, and what it is made of. All else goes without, as what is
# for the beginning of a TLS or DTLS connection only.
HOT      := runtime internal/runtime/... internal/poll internal/sync internal/byteorder internal/bytealg internal/abi internal/cpu sync/... syscall time context errors io \
	bufio bytes slices cmp unique math math/bits encoding/binary net/netip crypto crypto/aes crypto/cipher crypto/hmac crypto/sha1 crypto/subtle \
	$(addprefix crypto/internal/fips140/,aes/... alias hmac sha1 subtle) golang.org/x/sys/... github.com/pion/rtp/... github.com/pion/srtp/... \
	github.com/thesyncim/gopus/... github.com/tphakala/go-aac/... \
	github.com/camgate/camgate $(addprefix github.com/camgate/camgate/,egress egress/burst egress/sound rtsp webrtc)
BUILD    := CGO_ENABLED=0 go build -trimpath -tags $(TAGS) -ldflags '$(LDFLAGS)' -gcflags=all=-l $(HOT:%=-gcflags=%=)
LINT     := v2.15.0
# Counted, not timed: go test may take the end of the time for a failure.
FUZZTIME := 3000x
BENCH    := .

.PHONY: test-camera test-arm help run build check test deps fmt vet licences cross lint unit race js e2e fuzz bench dist clean gatebench

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: build ## build, and run the demo: http://127.0.0.1:8889/
	./camgate run --demo

OUT := camgate

build: ## build ./camgate, static and stripped
	@$(BUILD) -o $(OUT) ./cmd/camgate

test: deps check cross race js e2e fuzz ## all tests; installs what they need (Debian, Ubuntu)

check: fmt vet licences lint ## formatting, vet, licences, lint

deps: ## install what the tests need and is missing
	./scripts/ci-deps.sh

fmt: ## fail when gofmt would change a file
	@files=$$(git ls-files -co --exclude-standard '*.go' | xargs gofmt -l); \
	if [ -n "$$files" ]; then echo "gofmt -w" $$files; exit 1; fi

vet: ## go vet
	go vet -tags $(TAGS) ./...

licences: ## fail when THIRD_PARTY.md does not say what is linked
	@before=$$(cat THIRD_PARTY.md); ./scripts/third-party.sh; if [ "$$before" != "$$(cat THIRD_PARTY.md)" ]; then \
	echo "THIRD_PARTY.md was out of date and has been written anew: look at it, commit it"; exit 1; fi

cross: ## build for 32 bits, and for a system without Linux's system calls
	GOOS=linux GOARCH=arm GOARM=7 $(BUILD) -o /dev/null ./cmd/camgate
	GOOS=darwin GOARCH=arm64 $(BUILD) -o /dev/null ./cmd/camgate

lint: bin/golangci-lint-$(LINT) ## golangci-lint, the exact version
	$< run ./...
	cd scripts/gatebench && $(CURDIR)/$< run ./...

bin/golangci-lint-$(LINT):
	@mkdir -p bin
	GOBIN=$(CURDIR)/bin go install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(LINT)
	mv bin/golangci-lint $@

unit: ## unit tests only, quick
	go test -tags $(TAGS) $$(go list -tags $(TAGS) ./... | grep -v /e2e$$)

race: ## unit tests with the race detector
	go test -race -tags $(TAGS) $$(go list -tags $(TAGS) ./... | grep -v /e2e$$)

js: ## the scripts of the pages, without a browser
	npm test --silent

# What takes the whole machine has it alone.
ALONE    := ManyReaders
# What waits for a browser or an encoder leaves the machine to the others.
PAGES    := Player|Publish|Browser|Page|InSync|SoundAlone|Variants|DropIns|Talk|FindsAnotherWay|Probe

e2e: ## the real program with ffmpeg, GStreamer, mpv, VLC and a browser
	@run="go test -tags $(TAGS) -count 1 -timeout 15m ./cmd/camgate/e2e"; \
	$$run -run '$(ALONE)' || exit; \
	$$run -run '$(PAGES)' & pages=$$!; \
	$$run -skip '$(PAGES)|$(ALONE)'; rest=$$?; \
	wait $$pages && exit $$rest

fuzz: ## each fuzz target for a moment (FUZZTIME=3000x, or 30s)
	@set -e; for dir in $$(git ls-files -co --exclude-standard '*_test.go' | xargs grep -l '^func Fuzz' | xargs -n 1 dirname | sort -u); do \
		for target in $$(cat $$dir/*_test.go | sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' | sort -u); do \
			echo "$$dir $$target"; \
			go test -tags $(TAGS) ./$$dir -run '^$$' -fuzz "^$$target$$" -fuzztime $(FUZZTIME) -fuzzminimizetime 5x; \
		done; \
	done

test-camera: ## local cameras, in a virtual machine with V4L2 devices (Debian amd64, installs what it needs)
	./scripts/cameralab/lab.sh

test-arm: ## 32 and 64 bits: the kernel's structures, and the program, by qemu-user-static
	./scripts/test-arm.sh

bench: ## benchmarks (BENCH=regexp)
	go test -tags $(TAGS) -run '^$$' -bench '$(BENCH)' -benchmem $$(go list -tags $(TAGS) ./... | grep -v /e2e$$)

gatebench: ## build scripts/gatebench/gatebench, which measures from outside (see docs/performance.md)
	cd scripts/gatebench && go vet . && go test . && go build .

dist: ## static binaries for Linux in dist/, with checksums
	@rm -rf dist && mkdir -p dist
	GOOS=linux GOARCH=amd64 $(BUILD) -o dist/camgate-linux-amd64 ./cmd/camgate
	GOOS=linux GOARCH=arm64 $(BUILD) -o dist/camgate-linux-arm64 ./cmd/camgate
	GOOS=linux GOARCH=arm GOARM=7 $(BUILD) -o dist/camgate-linux-armv7 ./cmd/camgate
	cd dist && sha256sum camgate-* > SHA256SUMS && cat SHA256SUMS

clean: ## remove what was built
	rm -rf camgate dist bin/golangci-lint-*
