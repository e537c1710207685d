"""The operator's process with reconcilers that only log each look: for tests of the process itself, whatever reconcilers do.

`python recording_operator.py operator FLAGS...` takes the flags of `byob operator`. Each look is a log record with `look` true; an
object with the annotation `testbed/after` is looked at again after so many seconds, with `testbed/write` it is written to, with
`testbed/takes` the look lasts so many seconds.
"""

import logging
import os
import sys
import time
from argparse import ArgumentParser
from collections.abc import Sequence
from datetime import timedelta

from wandb_byob.kube.client import BUCKET_STORES, TEAM_STORAGES, WANDB_INSTANCES, PatchType
from wandb_byob.kube.connection import connect
from wandb_byob.model.keys import Kind, ObjectKey
from wandb_byob.reconcile.base import Result, World
from wandb_byob.runtime import command
from wandb_byob.runtime.operator import Operator

logger = logging.getLogger("recording")
_RESOURCES = {
    Kind.BUCKET_STORE: BUCKET_STORES,
    Kind.TEAM_STORAGE: TEAM_STORAGES,
    Kind.WANDB_INSTANCE: WANDB_INSTANCES,
}


def reconcile(world: World, key: ObjectKey) -> Result:
    """Look at the object, and say so."""
    found = world.kube.get(_RESOURCES[key.kind], key.namespace, key.name)
    annotations = (found or {}).get("metadata", {}).get("annotations", {})
    if "testbed/write" in annotations:
        body = {"metadata": {"annotations": {"testbed/written-by": os.environ["POD_NAME"]}}}
        world.kube.patch(_RESOURCES[key.kind], key.namespace, key.name, body, patch_type=PatchType.MERGE)
    time.sleep(float(annotations.get("testbed/takes", 0)))
    logger.info("looked", extra={"look": True, "found": found is not None})
    after = annotations.get("testbed/after")
    return Result(after=timedelta(seconds=float(after)) if after else None)


def main(argv: Sequence[str]) -> int:
    """Run like `byob operator`."""
    parser = ArgumentParser()
    command.add_arguments(parser)
    config = command.config(parser.parse_args(argv), os.environ)
    reconcilers = dict.fromkeys(Kind, reconcile)
    operator = Operator(config, connect(os.environ), pod=os.environ["POD_NAME"], reconcilers=reconcilers, providers={})
    return operator.run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[2:]))
