#!/bin/bash
# test-arm.sh - runs what depends on the machine on other machines than this one: the
# layouts of the kernel's structures, and the program itself. Needs qemu-user-static.
set -euo pipefail
cd "$(dirname "$0")/.."
tmp=$(mktemp -d); trap 'rm -rf "$tmp"' EXIT
go vet ./internal/v4l2
echo "386"; GOARCH=386 CGO_ENABLED=0 go test -count 1 ./internal/v4l2
for m in arm:arm arm64:aarch64; do
  arch=${m%:*} emulator=qemu-${m#*:}-static
  echo "$arch"
  GOARCH=$arch GOARM=7 CGO_ENABLED=0 go test -c -o "$tmp/v4l2.test" ./internal/v4l2
  "$emulator" "$tmp/v4l2.test"
  GOARCH=$arch GOARM=7 CGO_ENABLED=0 go build -tags nomsgpack -o "$tmp/camgate" ./cmd/camgate
  "$emulator" "$tmp/camgate" version
  "$emulator" "$tmp/camgate" check configs/camgate.yaml
done
