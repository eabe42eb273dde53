# What can be done here; `make` alone lists it.

# Set in CI to show cargo's warnings as errors.
CARGO ?= cargo
TOOLS := target/tools
VENV := $(TOOLS)/venv/bin
# Queries are checked against what stands in .sqlx, so that a build needs no database.
export SQLX_OFFLINE := true
export RUST_BACKTRACE ?= 1

.PHONY: help run test check bench chaos setup load sqlx fuzz clean
.DEFAULT_GOAL := help

help: ## List these
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | while IFS="$$(printf '\t')" read -r name what; do \
	  printf '  make %-8s %s\n' "$$name" "$$what"; done

run: ## Start everything here, with sample deals and a crowd, and print the address
	@deploy/setup.sh servers
	@$(CARGO) build --bin muster
	@exec target/debug/muster dev $(ARGS)

test: ## Run all tests, in a few minutes (ARGS="name of a test" runs some)
	@deploy/setup.sh servers browser k6
	$(CARGO) test $(ARGS)

check: ## Format, lints, docs, licences of dependencies, spelling
	@deploy/setup.sh cargo-deny typos
	$(CARGO) fmt --check
	$(CARGO) clippy --all-targets --all-features -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --no-deps --document-private-items
	$(TOOLS)/bin/cargo-deny check bans licenses sources
	$(VENV)/typos

bench: ## Measure what must be fast, a quarter of an hour on a quiet machine (ARGS="--only hot,quiet" measures some)
	@deploy/setup.sh servers wrk
	@$(CARGO) bench --bench table -- $(ARGS)

chaos: ## Make faults on purpose under load and audit everything (MINUTES=10; ARGS="--only redis" some kinds)
	@deploy/setup.sh servers
	@$(CARGO) build --bin muster
	@target/debug/muster chaos --minutes $(or $(MINUTES),10) $(ARGS)

setup: ## Install all that is missing for the above
	@deploy/setup.sh servers browser k6 typos cargo-deny

load: ## Run the load tests against servers of their own (ARGS=join_rush runs one)
	@deploy/setup.sh servers k6
	@$(CARGO) build --release --bin muster
	@load-tests/run.sh $(ARGS)

sqlx: ## Write .sqlx again, after a query or a migration changed
	@deploy/setup.sh servers
	@deploy/sqlx.sh

TARGET ?= socket_message join_body deal_body idempotency_key coupon_code cursor markdown arrivals
SECONDS ?= 60
fuzz: ## Feed random bytes to what reads strangers' (TARGET=markdown SECONDS=600; see fuzz/README.md)
	@deploy/setup.sh cargo-fuzz
	@for target in $(TARGET); do fuzz/run.sh $$target $(SECONDS) || exit 1; done

clean: ## Remove what was built (the data of `make run` stays)
	$(CARGO) clean
