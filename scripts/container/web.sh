#!/bin/sh
# The web server alone, as the profile "grown" runs it.
set -eu
python manage.py collectstatic --noinput -v 0
exec gunicorn heygen_studio.wsgi --bind "${HOST:-0.0.0.0}:${PORT:-8000}"
