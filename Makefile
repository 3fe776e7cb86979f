# receiptlog: two commands to know are `make demo` and `make test`.
# Go 1.27 is fetched by the go command itself where the machine's is older.
export GOTOOLCHAIN = auto
GO ?= go

PROGRAMS := $(patsubst cmd/%/main.go,%,$(wildcard cmd/*/main.go))

.PHONY: help
help: ## show what can be made
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'

.PHONY: build
build: ## build the programs into bin/
	$(GO) build -trimpath -o bin/ $(PROGRAMS:%=./cmd/%)

.PHONY: demo
demo: build ## run a real log and three witnesses on loopback, with receipts of this repository
	$(GO) build -trimpath -o bin/ ./integration/demo ./log/logtest/vandal
	@test -x bin/peers/litewitness || $(MAKE) -s peers || echo "demo: no foreign witness could be installed; all three will be ours"
	./bin/demo -bin bin

.PHONY: peers
peers: ## install foreign witnesses into bin/peers, for the tests and the demo
	GOBIN=$(CURDIR)/bin/peers $(GO) install filippo.io/torchwood/cmd/litewitness@v0.10.0 filippo.io/torchwood/cmd/litebastion@v0.10.0

.PHONY: test
test: build ## run every test, with the race detector, and the peers it needs
	./integration/test.sh

.PHONY: soak
soak: ## crash at every write in every way, kill the real server ROUNDS times (default 200), fail every system call
	RECEIPTLOG_SOAK=2 $(GO) test -count=1 -timeout 90m ./storage/storagetest
	$(GO) test -count=1 -timeout 90m -v ./integration/fault -args -rounds $(or $(ROUNDS),200) -thorough

.PHONY: fuzz
fuzz: ## fuzz every parser for FUZZTIME each (default 30s)
	./integration/fuzz.sh $(or $(FUZZTIME),30s)

.PHONY: bench
bench: build ## measure; prints lines of the form METRIC <name> <value> <unit>
	./integration/bench.sh

.PHONY: bench-export
bench-export: build ## export and verify RECEIPTS receipts (default 200000), and measure that alone
	$(GO) run ./integration/bench -bin bin -only-export -export $(or $(RECEIPTS),200000)

.PHONY: bench-scale
bench-scale: ## grow a log to LEAVES (default ten million) in DIR (8 GB), and measure how it holds up
	$(GO) run ./storage/bench -scale -leaves $(or $(LEAVES),10000000) -dir "$(DIR)"

.PHONY: clean
clean: ## remove what make built
	rm -rf bin integration/interop/node_modules
