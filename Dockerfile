# HeyGen Studio in one image: web server, worker and demo server. See docs/container.md.
#
# Any Debian-like base with Python 3.11 or newer will do: --build-arg BASE_IMAGE=…
ARG BASE_IMAGE=docker.io/library/python:3.13-slim-bookworm

FROM ${BASE_IMAGE} AS build
WORKDIR /srv/studio
COPY scripts/venv.sh scripts/apt.sh scripts/
RUN sh scripts/venv.sh
COPY requirements/run.txt requirements/
RUN .venv/bin/python -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes \
        -r requirements/run.txt \
    && rm -rf .venv/lib/python3*/site-packages/pip* .venv/lib/python3*/site-packages/setuptools* .venv/bin/pip*
COPY . .
# The root file system may be read-only, so Python cannot write its bytecode later.
RUN .venv/bin/python -m compileall -q heygen_studio videos .venv/lib && chmod -R a+rX .

FROM ${BASE_IMAGE}
WORKDIR /srv/studio
COPY --from=build /srv/studio /srv/studio
# Every user may create the studio's folder in the volume, and only that user can read it: `--user` may be anyone.
RUN mkdir /data && chmod 1777 /data
ENV PATH=/srv/studio/.venv/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/tmp \
    HOST=0.0.0.0 \
    PORT=8000 \
    STUDIO_DATA=/data/studio
USER 10001:10001
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=15s --timeout=10s --start-period=60s --retries=4 \
    CMD ["python", "scripts/container/health.py"]
CMD ["python", "manage.py", "studio"]
