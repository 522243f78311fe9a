# Each target first sets up what is missing, so that it works in a fresh clone. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export UV_PYTHON_DOWNLOADS := never
# uv is taken from here when the machine has none.
export PATH := $(PATH):$(CURDIR)/build/tools/uv/bin
UV_REQUIREMENT := uv>=0.9,<1
DEBIAN_PACKAGES := tesseract-ocr tesseract-ocr-kor fonts-nanum pgbouncer
PYTHON := .venv/bin/python
STAMP := .venv/.complete
ARGS ?=
BENCHMARKS := $(patsubst benchmarks/%/__main__.py,%,$(wildcard benchmarks/*/__main__.py)) \
	$(patsubst benchmarks/%.py,%,$(filter-out %/__init__.py,$(wildcard benchmarks/*.py)))

# Settings of production with values that lead nowhere: what `check` looks at is the code, not a deployment.
CHECK_ENVIRONMENT := env \
	DJANGO_SETTINGS_MODULE=academy.settings ACADEMY_ENV=production \
	SECRET_KEY=check-only-Zr8vK2mQx7Wc4Tn9Lb5Hd1Gs6Pf3Jy0Ae_Uo-Ri2Xq8Mk \
	DATABASE_URL=postgresql://academy_app:x@127.0.0.1:1/academy \
	MIGRATION_DATABASE_URL=postgresql://academy_owner:x@127.0.0.1:1/academy \
	DISPATCHER_DATABASE_URL=postgresql://academy_dispatcher:x@127.0.0.1:1/academy \
	AWS_REGION=ap-northeast-2 AWS_DEFAULT_REGION=ap-northeast-2 MEDIA_BUCKET=check-media \
	BASE_DOMAIN=academy.example PLATFORM_HOST=platform.academy.example PUBLIC_PORT=443 \
	ENCRYPTION_KEYS=check-only-Pq4Wn8Ty2Lk6Vb1Mz9Xc3Rd7 TRUSTED_PROXY_COUNT=1 \
	SOLAPI_API_KEY=check SOLAPI_API_SECRET=check SOLAPI_SENDER=0212345678

.PHONY: help
help: ## list the targets
	@grep -hE '^[a-z%-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: setup
setup: $(STAMP) ## install everything: uv, the Python packages, the Debian packages, the embedded S3 and SQS

$(STAMP): pyproject.toml uv.lock infra/local/ministack.txt
	@command -v uv >/dev/null || python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
		--target build/tools/uv '$(UV_REQUIREMENT)'
	uv sync --locked --quiet
	@missing=''; \
	for package in $(DEBIAN_PACKAGES); do \
		dpkg-query --show --showformat='$${db:Status-Status}' $$package 2>/dev/null | grep -qx installed \
			|| missing+=" $$package"; \
	done; \
	if [[ -n $$missing ]]; then \
		as_root=''; [[ $$(id -u) == 0 ]] || as_root='sudo --non-interactive'; \
		if command -v apt-get >/dev/null && $$as_root true 2>/dev/null \
			&& $$as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq \
			&& $$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends $$missing >/dev/null; \
		then echo "installed:$$missing"; \
		else echo "NOT INSTALLED:$$missing. What reads or prints Korean, and a test behind PgBouncer, need them: apt-get install$$missing" >&2; fi; \
	fi
	$(PYTHON) -m infra.local install
	@touch $@

.PHONY: demo
demo: $(STAMP) ## two academies through an exam, then serve until Ctrl-C; ONCE=1 stops when the result is printed
	$(PYTHON) -m infra.demo $(if $(filter-out 0,$(ONCE)),--once) $(ARGS)

.PHONY: dev
dev: $(STAMP) ## the whole stack in the foreground: PostgreSQL, S3, SQS, web, workers; Ctrl-C stops it
	$(PYTHON) -m infra.local serve $(ARGS)

.PHONY: test
test: $(STAMP) ## all tests; ARGS="-k name" for some
	$(PYTHON) -m pytest -n 2 $(ARGS)

.PHONY: check
check: $(STAMP) ## format, lint, types, import contracts, migrations, Django's deployment checks
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	$(CHECK_ENVIRONMENT) .venv/bin/mypy .
	.venv/bin/lint-imports
	$(CHECK_ENVIRONMENT) $(PYTHON) -W 'ignore:Got an error checking a consistent migration history:RuntimeWarning' \
		manage.py makemigrations --check --dry-run
	$(CHECK_ENVIRONMENT) $(PYTHON) manage.py check --deploy --fail-level WARNING

.PHONY: isolation-mutants
isolation-mutants: $(STAMP) ## take down each wall between the academies in turn; which test caught it, none may survive
	$(PYTHON) -m tests.mutants $(ARGS)

.PHONY: check-deep
check-deep: $(STAMP) ## generated requests by people of two academies: no 5xx, no foreign data; ARGS="--seed N --examples N"
	$(PYTHON) -m tests.deep $(ARGS)

.PHONY: chaos
chaos: $(STAMP) ## a thousand jobs while processes, SQS and PostgreSQL break at random; ARGS="--seed N --jobs N"
	$(PYTHON) -m tests.chaos $(ARGS)

.PHONY: bench
bench: $(addprefix bench-,$(BENCHMARKS)) ## all benchmarks; results in build/bench/NAME.json

bench-%: $(STAMP) ## one benchmark: make bench-NAME
	$(PYTHON) -m benchmarks.$* $(ARGS)

.PHONY: clean
clean: ## stop the servers of tests and demo, delete build/, caches and the environment; .local/ stays (see infra.local reset)
	@if [[ -x $(PYTHON) ]]; then \
		for state in build/test-stack build/demo; do \
			[[ ! -d $$state ]] || ACADEMY_LOCAL_STATE=$$state $(PYTHON) -m infra.local stop; \
		done; \
	fi
	rm -rf build .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .venv
	find . -name __pycache__ -type d -not -path './.local/*' -prune -exec rm -rf {} +
