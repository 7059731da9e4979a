"""The storage of a studio whose files are in a bucket. Django imports it only there: its library is large."""

from typing import Any

from botocore.config import Config
from storages.backends.s3 import S3Storage


class Bucket(S3Storage):
    """`config` has the words of botocore's Config, which settings can name without importing it."""

    def __init__(self, *, config: dict[str, Any], **options: Any):
        super().__init__(client_config=Config(**config), **options)
