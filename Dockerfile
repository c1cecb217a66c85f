# The image of API, worker, beat, Flower and the one-shot jobs. What it does, line by line, is
# also run by tests/acceptance/test_g03_image.py, or by the tests it names.

FROM python:3.13-slim AS packages
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
RUN install -d -o 10001 -g 10001 -m 0750 /data /logs /secrets
COPY --from=packages /venv /venv
WORKDIR /app
COPY --chown=10001:10001 . .
COPY --chown=10001:10001 --from=page /app/app/static/dist app/static/dist
ENV PATH=/venv/bin:$PATH HOME=/data DATA_DIR=/data LOG_DIR=/logs PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
CMD ["uvicorn", "app.main:app", "--host", "0.0.0.0", "--port", "8000"]
