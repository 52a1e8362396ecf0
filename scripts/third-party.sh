#!/bin/sh
# third-party.sh - writes THIRD_PARTY.md: what is inside the binary, with version and licence.
#
# It needs Go with the modules downloaded. The licence is told by the text of the file
# in the module; one that is not recognised stops the script.
set -eu
cd "$(dirname "$0")/.."

licence() {
	file=$(find "$1" -maxdepth 1 -iname 'licen[sc]e*' -o -maxdepth 1 -iname 'copying*' | sort | head -n 1)
	[ -n "$file" ] || { echo "no licence file in $1" >&2; exit 1; }
	text=$(tr -s ' \n\r\t' ' ' <"$file" | head -c 6000)
	case $text in
	*"Mozilla Public License"*) echo MPL-2.0 ;;
	*"Apache License"*MIT*|*MIT*"Apache License"*) echo "MIT and Apache-2.0" ;;
	*"Apache License"*) echo Apache-2.0 ;;
	*"GNU LESSER GENERAL PUBLIC LICENSE"*) echo LGPL ;;
	*"GNU GENERAL PUBLIC LICENSE"*) echo "GPL: not allowed: $1" >&2; exit 1 ;;
	*"Permission to use, copy, modify, and/or distribute"*|*"Permission to use, copy, modify, and distribute this software"*) echo ISC ;;
	*"Permission is hereby granted, free of charge"*) echo MIT ;;
	*"Redistributions of source code must retain"*"Neither the name"*) echo BSD-3-Clause ;;
	*"Redistributions of source code must retain"*) echo BSD-2-Clause ;;
	*) echo "unknown licence: $file" >&2; exit 1 ;;
	esac
}

{
	cat <<-HEAD
	# Third-party software

	What is linked into the binary or embedded in it, for linux/amd64, arm64 and arm. Written by
	\`scripts/third-party.sh\`; do not edit. The full texts of the licences are in the modules.

	| module | version | licence |
	| --- | --- | --- |
	HEAD
	for arch in amd64 arm64 arm; do
		CGO_ENABLED=0 GOOS=linux GOARCH=$arch go list -tags nomsgpack -deps -f '{{with .Module}}{{if not .Main}}{{.Path}} {{.Version}} {{.Dir}}{{end}}{{end}}' ./cmd/camgate
	done | sort -u | while read -r path version dir; do
		[ -n "$path" ] || continue
		l=$(licence "$dir")
		echo "| $path | $version | $l |"
	done
	echo "| Go standard library | $(go env GOVERSION) | BSD-3-Clause |"
	echo "| hls.js (embedded, with its licence beside it) | $(sed -n 's/.*"hls.js": "\(.*\)".*/\1/p' package.json | head -n 1) | Apache-2.0 |"
	cat <<-TAIL

	go-aac is under the LGPL: whoever wants another version of it in the binary takes the source of camgate, names that version
	(or a directory, with a \`replace\` line) in go.mod, and runs \`make build\`. Nothing else is needed.

	Programs that camgate starts if they are installed, and does not contain: ffmpeg (LGPL-2.1 or GPL-2, as it was built).
	The font in the demo clip is DejaVu Sans (Bitstream Vera licence).
	TAIL
} >THIRD_PARTY.md.new
mv THIRD_PARTY.md.new THIRD_PARTY.md
