# make test needs Go only. It says in a line what it could not test for want of
# PostgreSQL, of a C compiler (for the race detector) or of `make clients`.

GOLANGCI  := v2.15.0
FUZZTIME  ?= 10s
TESTFLAGS ?= -timeout 20m
ARGS      ?=
QUERIES   ?= 20000
FOR       ?=
SEED      ?=

# The race detector needs cgo, and go env knows whether that works here.
# SQLite itself, translated from C, and the compression are left out of it: they are
# not ours, and watched they take ten times as long.
RACE := $(if $(filter 1,$(shell go env CGO_ENABLED)),-race '-gcflags=modernc.org/...=-race=false -d=checkptr=0' '-gcflags=github.com/klauspost/...=-race=false')

# Where state is shared between goroutines; tested under the race detector.
SHARED := ./server/...
# Much of the same one after the other, which the race detector would take minutes for;
# memory, of which it takes its own share; and processes that it does not see into.
LARGE  := ^Test(Transaction_(Synthea|Memory|Killed|USCore.*)|E1_EveryRouteByAnotherPatient|E2_SmartSearch|E3_CompartmentEscape|.*_BruteForce|GraphQL_Suite|D2_.*|D5_.*|D6_.*|DS4P_.*|PCF_.*|Consent_Change.*|Privacy_.*|HL7Queries_.*|Ingest_Export.*|Drop_Export.*|Submit_EveryGoldenCase|Replay_Killed|OpenAPI_.*|Users_Commands|ExplainAccess_.*|Labels_BindConsents|Audit_.*|BALP_(EveryInteraction|AuthZConsent)|SMART22_(ScopesAreEnforced|ClientsFromNPM)|Pages_InBrowser|MLLP_Killed|Chaos)$$
# Of what a store must do: one client sorts 12,000 resources, and processes are killed.
APART  := ^TestContract$$/^(large_sort|crash)$$

.PHONY: test check format vet lint fuzz bench microbench oracle consents build run demo help clients fuzzhttp

help: ## this list
	@grep -E '^[a-z]+:.*## ' Makefile | sed -E 's/:.*## /\t/' | expand -t 10

test: format vet ## gofmt, go vet and all tests, those of the server under the race detector
	@go run ./internal/totals $(TESTFLAGS) $(RACE) -skip '$(LARGE)|$(APART)' $(SHARED) \
		-- $(TESTFLAGS) -run '$(LARGE)' ./server ./server/ingest/... \
		-- $(TESTFLAGS) $$(go list ./... | grep -v '^vitalwire/server\(/\|$$\)') \
		-- $(TESTFLAGS) -run '$(APART)' ./server/store/sqlite ./server/store/postgres; status=$$?; \
	[ -n "$(firstword $(RACE))" ] || echo "not tested: data races (no C compiler)"; \
	command -v pg_ctl >/dev/null || ls /usr/lib/postgresql/*/bin/pg_ctl >/dev/null 2>&1 || [ -n "$$VITALWIRE_TEST_POSTGRES" ] || \
		echo "not tested: server/store/postgres and what runs on it (no PostgreSQL installed; Debian: apt-get install postgresql)"; \
	[ -d server/testdata/clients/node_modules ] || echo "not tested: clients from npm and /openapi.json against its schema (make clients)"; \
	exit $$status

check: format vet ## the same without the race detector: quicker, for between edits
	@go run ./internal/totals $(TESTFLAGS) ./...

format:
	@unformatted=$$(gofmt -l .) || exit 1; \
	[ -z "$$unformatted" ] || { echo "not formatted (gofmt -w mends it):"; echo "$$unformatted"; exit 1; }

vet:
	@go vet ./...

lint: ## golangci-lint; the first time it is built from source, which takes minutes
	@go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI) run ./...

clients: ## npm packages of the client tests: FHIR clients and an OpenAPI validator (needs Node.js 20)
	@cd server/testdata/clients && npm ci --no-audit --no-fund --loglevel=error

fuzz: ## every fuzz target for FUZZTIME (10s), two at a time
	@log=$$(mktemp); trap 'rm -f "$$log"' EXIT; \
	targets=$$(grep -rnoE --include='*_test.go' '^func Fuzz[A-Za-z0-9_]+' . | sed -E 's|^(.*)/[^/]*:[0-9]+:func (Fuzz.*)$$|\1 \2|'); \
	echo "$$targets" | xargs -P 2 -n 2 sh -c 'if out=$$(go test -run "^$$" -fuzz "^$$1\$$" -parallel 1 -fuzztime $(FUZZTIME) "$$0" 2>&1 </dev/null); then \
			echo "ok    $$0 $$1"; \
		elif echo "$$out" | grep -q "context deadline exceeded" && ! echo "$$out" | grep -q "Failing input"; then \
			echo "ok    $$0 $$1 (cut off by its time, a known fault of go test; no input failed)"; \
		else \
			printf "%s\nFAIL  %s %s\n" "$$out" "$$0" "$$1"; \
		fi' | tee "$$log"; \
	passed=$$(grep -c '^ok    \./' "$$log"); failed=$$(grep -c '^FAIL  \./' "$$log"); \
	echo "$$passed passed, $$failed failed, 0 skipped"; [ $$passed -eq $$(echo "$$targets" | wc -l) ]

fuzzhttp: ## requests made from /openapi.json against a live server on each store, for FUZZTIME (10s)
	@VITALWIRE_TEST_FUZZ=$(FUZZTIME) go test -count=1 -timeout 24h -run '^TestFuzz$$' -v ./server | grep -v '^=== '

bench: ## everything docs/performance.md lists, beside its yardsticks, as one table
	@VITALWIRE_BENCH=1 go test -count=1 -timeout 6h -v -run '^TestBench$$' ./internal/bench

microbench: ## every Go benchmark
	@go test -run '^$$' -bench . -benchmem ./...

oracle: ## 20,000 random searches (QUERIES=...) beside a plain evaluator on both stores; FOR=3h goes on for hours
	@VITALWIRE_QUERIES=$(QUERIES) VITALWIRE_FOR=$(FOR) VITALWIRE_SEED=$(SEED) go test -count=1 -v -timeout 0 -run '^TestOracle$$' ./server/store

consents: ## 50 worlds (WORLDS=...) of random Consents on both stores, on every path, with what they hide and without; FOR=3h goes on for hours
	@VITALWIRE_WORLDS=$(or $(WORLDS),50) VITALWIRE_FOR=$(FOR) $(if $(SEED),VITALWIRE_SEED=$(SEED)) go test -count=1 -v -timeout 0 -run '^TestD6_ConsentHidesAsIfItNeverWas$$' ./server

build: ## the program, static, as ./vitalwire
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w' -o vitalwire .

run: ## serve on the embedded store in ./data; ARGS='--listen 127.0.0.1:9090'
	@go run . $(ARGS)

demo: ## serve on a throw-away store with recorded device frames
	@go run . demo $(ARGS)
