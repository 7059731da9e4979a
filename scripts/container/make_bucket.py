"""Makes the bucket STUDIO_BUCKET unless it exists, with the endpoint and credentials of the usual AWS_* variables."""

import os
import sys

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def main() -> int:
    name = os.environ["STUDIO_BUCKET"]
    client = boto3.client("s3")
    try:
        if name in [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]:
            return 0
        client.create_bucket(Bucket=name)
    except (BotoCoreError, ClientError) as error:
        sys.stderr.write(f"The bucket {name} cannot be made: {error}\n")
        return 1
    sys.stdout.write(f"Made the bucket {name}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
