# The image of the web server, the worker, the scheduler and the migrations; docker-compose.yml runs them.

FROM node:24-slim AS charts
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci --ignore-scripts --no-audit --no-fund

FROM python:3.13-slim AS packages
COPY requirements-production.lock requirements-embed.txt /
RUN python -m venv /venv \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes \
        -r /requirements-production.lock \
    && /venv/bin/pip install --no-cache-dir --disable-pip-version-check --require-hashes --no-deps \
        -r /requirements-embed.txt

FROM python:3.13-slim
ENV PATH=/venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    EMBEDDED_SERVICES=0 \
    STATIC_MANIFEST=1 \
    VAR_DIR=/app/var \
    MEDIA_ROOT=/media \
    BACKUP_DIR=/backups
RUN useradd --system --uid 10001 --home-dir /app --no-create-home journal \
    && mkdir -p /app/var /media /backups \
    && chown journal:journal /app/var /media /backups
WORKDIR /app
COPY --from=packages /venv /venv
COPY --from=charts /app/node_modules /app/node_modules
COPY . .
USER journal
# Reads the settings and no server.
RUN DATABASE_URL=postgresql://none/none REDIS_URL=redis://none/0 python manage.py collectstatic --noinput
EXPOSE 8000
# Lines of the log are without what stands behind a question mark, where somebody may have put a token.
CMD ["gunicorn", "config.wsgi", "--bind=0.0.0.0:8000", "--worker-class=gthread", "--workers=2", "--threads=8", \
     "--timeout=60", "--graceful-timeout=30", "--max-requests=5000", "--max-requests-jitter=500", \
     "--worker-tmp-dir=/dev/shm", "--forwarded-allow-ips=*", "--access-logfile=-", \
     "--access-logformat=%(h)s %(t)s \"%(m)s %(U)s %(H)s\" %(s)s %(B)s %(M)sms \"%(a)s\""]
