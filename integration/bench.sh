#!/usr/bin/env bash
# Measures everything that is quick to measure; prints METRIC lines.
set -euo pipefail
cd "$(dirname "$0")/.."
export GOTOOLCHAIN=auto
go run ./integration/bench -bin bin
for bench in storage/bench witness/bench log/retention/bench log/search/bench; do
	if [ -d "$bench" ]; then go run "./$bench"; fi
done
