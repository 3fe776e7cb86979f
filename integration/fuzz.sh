#!/usr/bin/env bash
# Runs every fuzz target of the project for the time given, one after another.
set -euo pipefail
cd "$(dirname "$0")/.."
for file in $(grep -rlE '^func Fuzz' --include='*_test.go' --exclude-dir=node_modules .); do
	for target in $(grep -oE '^func Fuzz[A-Za-z0-9_]+' "$file" | cut -d' ' -f2); do
		echo "== $(dirname "$file") $target"
		go test -run '^$' -fuzz "^$target\$" -fuzztime "$1" "$(dirname "$file")"
	done
done
