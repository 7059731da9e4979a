#!/bin/sh
# What a grown studio needs before web and worker start: its secrets, a migrated database and a bucket.
set -eu

for name in SECRET_KEY DATABASE_URL STUDIO_BUCKET AWS_SECRET_ACCESS_KEY; do
    eval "value=\${$name:-}"
    [ -n "$value" ] || { echo "$name is not set. docs/container.md lists what the profile \"grown\" needs." >&2; exit 1; }
done
python manage.py check --fail-level ERROR
python manage.py migrate --noinput -v 1
exec python scripts/container/make_bucket.py
