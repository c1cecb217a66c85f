# Every target is a verb of scripts/bootstrap.py, which also runs without make.
# PYTHON=/path/to/python names the interpreter; ARGS="..." is passed on; `make chaos` also takes
# MINUTES=4 and SEED=7.

BOOT := $(or $(PYTHON),$(shell command -v python3 || command -v python))
ifdef PYTHON
export PYTHON
endif

TARGETS := help up page token test screenshots chaos chaos-full check bench bench-full docs lock sbom install
.PHONY: $(TARGETS)
.DEFAULT_GOAL := help

chaos: override ARGS += $(if $(MINUTES),--minutes=$(MINUTES)) $(if $(SEED),--seed=$(SEED))

$(TARGETS):
	$(if $(BOOT),,$(error There is no Python here. Install 3.11 or newer: \
	apt-get install -y python3 python3-venv, dnf install -y python3, apk add python3, \
	or brew install python, and run the same command again))
	@exec $(BOOT) scripts/bootstrap.py $@ $(ARGS)
