#!/usr/bin/env bash
# Runs every test with the race detector. Gets what the tests need: npm
# packages by lock file, Debian packages where it may install them. What cannot
# be had is named, and the tests that need it are reported as not run.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto

# Debian package, and the command by which it is known to be there.
needs=(git:git curl:curl jq:jq node:nodejs npm:npm strace:strace ssh-agent:openssh-client sqlite3:sqlite3)

missing=()
for need in "${needs[@]}"; do
	command -v "${need%%:*}" >/dev/null || missing+=("${need##*:}")
done
if ((${#missing[@]})) && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
	echo "test: installing ${missing[*]}"
	apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
	missing=()
fi
# After an install that failed silently, look again rather than trust it.
absent=()
for need in "${needs[@]}"; do
	command -v "${need%%:*}" >/dev/null || absent+=("${need##*:}")
done

# What cannot run without a command: a folder of tests, or one test by name.
wants=(integration/interop:node integration/interop:npm integration/witness:ssh-agent integration/witness:sqlite3
	integration/fault:strace TestReadmeWalk:curl TestReadmeWalk:jq)
notrun=()
for want in "${wants[@]}"; do
	command -v "${want##*:}" >/dev/null || notrun+=("${want%%:*}")
done

if command -v npm >/dev/null && [ -f integration/interop/package-lock.json ]; then
	npm ci --prefix integration/interop --silent --no-audit --no-fund
fi

unformatted=$(gofmt -l cmd log witness client storage integration | grep -v node_modules || true)
if [ -n "$unformatted" ]; then
	printf 'test: not gofmt-clean:\n%s\n' "$unformatted" >&2
	exit 1
fi
# As the programs were built, so that what they are made of is not built again.
go vet -trimpath ./...
GOOS=js GOARCH=wasm go build -o /dev/null ./client/verify

# A test that needs a file system of its own needs leave to mount one.
mountable=$(mktemp -d)
if mount -t tmpfs -o size=1m tmpfs "$mountable" 2>/dev/null; then
	umount "$mountable"
else
	notrun+=(TestFullDisk)
	absent+=("leave to mount a tmpfs: run as root")
fi
rmdir "$mountable"

# NIST publishes it among the files of its releases; no package registry has it.
if [ ! -f "${OSCAL_SCHEMA:-}" ]; then
	notrun+=(TestOSCALFollowsThePublishedSchema)
	absent+=("\$OSCAL_SCHEMA, the file of NIST's schema of assessment results")
fi

packages=$(go list ./... | grep -v /node_modules/)
skip='^$'
for what in "${notrun[@]+"${notrun[@]}"}"; do
	case $what in
	Test*) skip+="|^$what\$" ;;
	*) packages=$(grep -v "/$what\$" <<<"$packages") ;;
	esac
done

# Tests that ask for testing.Short walk through every point of something: each
# crash, each bit, a tree of 70,000. Under the race detector, with which that
# takes five times as long, they take a sample; without it they go all the way.
whole=$(grep -rl 'testing\.Short()' --include='*_test.go' --exclude-dir=node_modules . |
	xargs awk '/^func Test/ { sub(/^func /, ""); sub(/\(.*/, ""); name = $0 } /testing\.Short\(\)/ { print name }' | sort -u | paste -sd '|')
walked=$(grep -rl 'testing\.Short()' --include='*_test.go' --exclude-dir=node_modules . | xargs -n1 dirname | sort -u)

status=0
# Vetted already; and linking is half as long without what only debuggers read.
# Three at a time: many wait for processes and timers more than they compute.
# shellcheck disable=SC2086
go test -race -short -p 3 -count=1 -vet=off -ldflags=-w -timeout 12m -skip "$skip" $packages || status=$?
# shellcheck disable=SC2086
go test -count=1 -vet=off -ldflags=-w -timeout 12m -run "^($whole)\$" -skip "$skip" $walked || status=$?

if ((${#absent[@]})); then
	echo "test: NOT RUN: ${notrun[*]:-nothing} (missing here: $(printf '%s; ' "${absent[@]}" | sed 's/; $//'))"
fi
exit "$status"
