# The image of API, worker, beat, Flower and the one-shot jobs. What it does, line by line, is
# also run by tests/acceptance/test_g03_image.py, or by the tests it names.
#
# There is no HEALTHCHECK: the processes differ, and compose and Helm ask each its own way.

FROM python:3.13-slim AS packages
WORKDIR /build
COPY requirements.txt .
RUN python -m venv /venv
# Wheels only, each with the hash that was locked: nothing is compiled, so no compiler is needed.
RUN /venv/bin/python -m pip install --require-hashes --no-input --no-cache-dir --disable-pip-version-check -r requirements.txt

FROM packages AS page
COPY requirements-page.txt .
# Node, which the image that runs does without.
RUN /venv/bin/python -m pip install --require-hashes --no-input --no-cache-dir --disable-pip-version-check -r requirements-page.txt
ENV PATH=/venv/bin:$PATH
WORKDIR /app
COPY . .
RUN python -m scripts.page

FROM python:3.13-slim
LABEL org.opencontainers.image.title="Task system" \
      org.opencontainers.image.description="Durable background tasks on FastAPI and Celery" \
      org.opencontainers.image.version="1.1.0" \
      org.opencontainers.image.licenses="MIT"
RUN install -d -o 10001 -g 10001 -m 0750 /data /logs /secrets
COPY --from=packages /venv /venv
WORKDIR /app
COPY --chown=10001:10001 . .
COPY --chown=10001:10001 --from=page /app/app/static/dist app/static/dist
ENV PATH=/venv/bin:$PATH HOME=/data DATA_DIR=/data LOG_DIR=/logs PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
# Compiled once, for the file system is read-only where it runs, and a worker is many processes.
RUN python -m compileall -q app scripts
USER 10001:10001
EXPOSE 8000
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000"]
