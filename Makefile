# Every target is a verb of scripts/bootstrap.py, which also runs without make.
# PYTHON=/path/to/python names the interpreter; ARGS="..." is passed on.

BOOT := $(or $(PYTHON),$(shell command -v python3 || command -v python))
ifdef PYTHON
export PYTHON
endif

.PHONY: help up token test check bench lock install
.DEFAULT_GOAL := help

help up token test check bench lock install:
	$(if $(BOOT),,$(error There is no Python here. Install 3.11 or newer: \
	apt-get install -y python3 python3-venv, dnf install -y python3, apk add python3, \
	or brew install python, and run the same command again))
	@exec $(BOOT) scripts/bootstrap.py $@ $(ARGS)
