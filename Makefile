# Tasks for development. `make` without a target lists them.

# The cargo command, for example with flags that apply to every call.
CARGO ?= cargo
# Cargo's output folder, which CARGO_TARGET_DIR or cargo's configuration may move.
BUILT = $(shell $(CARGO) metadata --format-version 1 --no-deps | sed -E 's/.*"target_directory":"([^"]*)".*/\1/')
TOOLS := target/tools
VENV := $(TOOLS)/venv/bin
# Checks queries against the metadata in .sqlx, so that a build needs no database.
export SQLX_OFFLINE := true
export RUST_BACKTRACE ?= 1

.PHONY: help run test check bench chaos setup load sqlx fuzz clean
.DEFAULT_GOAL := help

help: ## List these targets
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name what; do \
	  printf '  make %-8s %s\n' "$$name" "$$what"; done

run: ## Start private servers, sample deals and a simulated crowd, and print the address
	@deploy/setup.sh servers
	@exec $(CARGO) run --bin muster -- dev $(ARGS)

test: ## Run all tests (ARGS="filter" runs matching ones)
	@deploy/setup.sh servers browser k6
	$(CARGO) test $(ARGS)

check: ## Check formatting, lints, docs, dependency licences and spelling
	@deploy/setup.sh cargo-deny typos
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items
	$(TOOLS)/bin/cargo-deny check bans licenses sources
	$(VENV)/typos

bench: ## Run the benchmarks, about 15 minutes on an idle machine (ARGS="--only hot,quiet" runs some)
	@deploy/setup.sh servers wrk
	@$(CARGO) bench --bench table -- $(ARGS)

chaos: ## Inject faults under load and audit the result (MINUTES=10; ARGS="--only redis" for some faults)
	@deploy/setup.sh servers
	@exec $(CARGO) run --bin muster -- chaos --minutes $(or $(MINUTES),10) $(ARGS)

setup: ## Install everything that the other targets need
	@deploy/setup.sh servers browser k6 typos cargo-deny

load: ## Run the load tests against private servers (ARGS=join_rush runs one)
	@deploy/setup.sh servers k6
	@$(CARGO) build --release --bin muster
	@MUSTER="$(BUILT)/release/muster" load-tests/run.sh $(ARGS)

sqlx: ## Regenerate .sqlx after changing a query or a migration
	@deploy/setup.sh servers
	@deploy/sqlx.sh

TARGET ?= socket_message join_body deal_body idempotency_key coupon_code cursor markdown arrivals
SECONDS ?= 60
fuzz: ## Fuzz the parsers of untrusted input (TARGET=markdown SECONDS=600; see fuzz/README.md)
	@deploy/setup.sh cargo-fuzz
	@for target in $(TARGET); do fuzz/run.sh $$target $(SECONDS) || exit 1; done

clean: ## Remove build output; the data of `make run` stays
	$(CARGO) clean
