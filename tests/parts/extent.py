"""How much a run of the tests looks at: a sample, or everything with TEST_ALL=1, which is `make test-all`."""

import os

EVERYTHING = bool(os.environ.get("TEST_ALL"))
