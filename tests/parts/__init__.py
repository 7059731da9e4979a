"""The real parts that tests run against; the fixtures in tests/conftest.py hand them out."""
