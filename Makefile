# Everything a developer or a CI machine does with this repository. `make` alone lists it.

CARGO ?= cargo
BUF := .tools/node_modules/.bin/buf
# The contract as released, written by `buf build --exclude-source-info -o`; a release adds its own.
RELEASED := tests/contract/0.1.0.binpb
MDBOOK := .tools/mdbook/bin/mdbook
TEST_LINTS := -A clippy::pedantic -A clippy::nursery -A clippy::unwrap_used -A clippy::print_stdout -A clippy::print_stderr \
	-A unfulfilled_lint_expectations -A unreachable_pub -A missing_docs -A missing_debug_implementations

# What an incremental build keeps of each test program is as large as everything else together, and a machine that
# builds once never reads it.
export CARGO_INCREMENTAL ?= 0

.DEFAULT_GOAL := help
.PHONY: help setup fmt fmt-check clippy proto-lint doc docs unit quick test agreement simulate ha screenshots bench revocation soak guards run

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-12s %s\n", $$1, $$2 }' $(firstword $(MAKEFILE_LIST))

setup: ## install what the tests need (with apt as root; otherwise print what to install)
	@scripts/setup

fmt: ## format the sources
	$(CARGO) fmt

fmt-check: ## check the formatting
	$(CARGO) fmt --check

clippy: ## lint the sources
	$(CARGO) clippy --locked --lib --bins -- -D warnings
	@# Tests and benchmarks are held to everything but the lints that are about interfaces.
	$(CARGO) clippy --locked --workspace --all-targets -- -D warnings $(TEST_LINTS)

proto-lint: setup ## lint the protos, and compare them with those of the last release
	$(BUF) lint
	$(BUF) breaking --against $(RELEASED)

# Not a part of `make test`, so that nobody has to compile mdBook for it: tests/fast/tidy checks the links of the chapters.
docs: ## build the book into target/book and check its links
	@scripts/setup docs
	$(MDBOOK) build docs
	@scripts/check-links target/book

doc: ## build the documentation of the code; warnings are errors
	RUSTDOCFLAGS=-Dwarnings $(CARGO) doc --locked --no-deps

# One after another even under make -j: an early failure makes the later steps pointless.
test: ## run all checks and all tests, after installing what they need
	@scripts/setup
	$(MAKE) fmt-check
	$(MAKE) clippy
	$(MAKE) proto-lint
	$(MAKE) doc
	$(MAKE) unit

# The incremental builds are worth their room here.
quick: export CARGO_INCREMENTAL = 1
quick: ## format, lints of the sources, unit tests and the quick test programs: for while you work
	$(MAKE) fmt-check
	$(CARGO) clippy --locked --lib --bins -- -D warnings
	$(CARGO) test --locked --lib --test fast

unit: ## run only the tests
	@CARGO="$(CARGO)" scripts/run-tests

SEEDS ?= 1000000
simulate: ## simulate SEEDS short runs of replicas (default: a million); the oracle replays every response
	LATCHKEY_TEST_SEEDS=$(SEEDS) $(CARGO) test --locked --test exhaustive coherence::simulate -- --nocapture

CASES ?= 334000
agreement: setup ## send a million random requests through Envoy, nginx and Caddy to real frameworks; `make test` sends a part of them
	LATCHKEY_TEST_CASES=34000 $(CARGO) test --locked --test outside proxies::agreement
	LATCHKEY_TEST_CASES=$(CASES) $(CARGO) test --locked --test outside frameworks:: -- --nocapture

ROUNDS ?= 20
ha: setup ## ROUNDS of failures (default: 20; or one kind: NodeFrozen) under Patroni with three nodes: 20 minutes
	LATCHKEY_HA_ROUNDS=$(ROUNDS) $(CARGO) test --locked --test fleet availability:: -- --nocapture

bench: ## run the benchmarks, after installing what they need
	@scripts/setup bench
	$(CARGO) bench --locked

revocation: ## measure how long it takes until every server refuses
	$(CARGO) bench --locked -- revocation

soak: setup ## half an hour of mixed load: memory and latency must stay flat, and no response may be wrong
	LATCHKEY_SOAK_SECONDS=1800 $(CARGO) test --locked --test alone soak:: -- --nocapture

screenshots: setup ## save a picture of every console page in target/screenshots
	@mkdir -p target/screenshots
	LATCHKEY_SCREENSHOTS=$(CURDIR)/target/screenshots $(CARGO) test --locked --test outside browser:: -- every_page
	@ls target/screenshots | wc -l

guards: setup ## remove each guard in turn and check that its test fails
	@scripts/guards

run: ## serve from ./latchkey-data on this machine
	$(CARGO) run --locked --release
