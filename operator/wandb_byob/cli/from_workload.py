"""The data path as W&B's own pods have it, for the command line: the Job that the operator makes, made by the user and waited for."""

import re
import secrets
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from wandb_byob import version
from wandb_byob.cli.output import printable
from wandb_byob.kube.client import DEPLOYMENTS, ForbiddenError, KubeClient, KubeError
from wandb_byob.model import names
from wandb_byob.model.api import BucketStore
from wandb_byob.model.checks import Check
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason
from wandb_byob.providers.base import Context
from wandb_byob.reconcile import workload_probe
from wandb_byob.reconcile.base import World
from wandb_byob.reconcile.inputs import Inputs
from wandb_byob.reconcile.workload_probe import Done, Order

# What the chart calls its Deployment's objects; also where nameOverride calls the Deployment otherwise.
_OPERATOR: Final = f"app.kubernetes.io/name={names.FIELD_MANAGER}"
_NOT_IN_A_LABEL: Final = re.compile(r"[^A-Za-z0-9]+")
_LABEL_LENGTH: Final = 63


@dataclass(frozen=True, kw_only=True)
class Image:
    """What the Job runs, and the Secrets that it is pulled with."""

    name: str
    pull_secrets: tuple[str, ...] = ()


def image_of_the_operator(kube: KubeClient, namespaces: Sequence[str]) -> Image:
    """Return the image of the operator that is installed, by its Deployment; where none is seen, that of this version."""
    arguments = [word for deployment in _deployments(kube, namespaces) for word in _arguments(deployment)]
    named = dict(word.split("=", 1) for word in arguments if word.startswith("--image="))
    pulled = [word.partition("=")[2] for word in arguments if word.startswith("--image-pull-secrets=")]
    default = f"{names.FIELD_MANAGER}:{version()}"
    return Image(name=named.get("--image", default), pull_secrets=tuple(dict.fromkeys(pulled)) if named else ())


def _deployments(kube: KubeClient, namespaces: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the operator's Deployment: of all namespaces, or of those that this user may read."""
    for namespace in ("", *namespaces):
        try:
            found = kube.list(DEPLOYMENTS, namespace, labels=_OPERATOR)
        except ForbiddenError:
            continue
        if found:
            yield found[0]
            return


def _arguments(deployment: dict[str, Any]) -> Sequence[str]:
    arguments: Sequence[str] = deployment["spec"]["template"]["spec"]["containers"][0].get("args") or ()
    return arguments


@dataclass(frozen=True, kw_only=True)
class WorkloadProber:
    """Tries the data path by a Job in W&B's namespace (an `examination.Prober`). `kube` is the cluster itself, not what files say."""

    kube: KubeClient
    image: Image
    sleep: Callable[[float], None] = time.sleep

    def __call__(self, world: World, store: BucketStore, inputs: Inputs, context: Context) -> tuple[Check, ...]:
        """Make the Job, wait for it, and leave nothing of it behind, whatever comes; raises `Stalled`."""
        if inputs.workload is None:
            return ()
        order = workload_probe.order_of(
            # What stands only in a file has no uid that could be a label.
            replace(context, uid=_NOT_IN_A_LABEL.sub("-", context.uid)[-_LABEL_LENGTH:].strip("-")),
            inputs.workload.host,
            signer=inputs.workload.signer,
            mark=inputs.mark,
            image=self.image.name,
            cloud_endpoints=world.config.cloud_endpoints,
        )
        # Not the operator's Job, and not that of somebody else who looks now.
        order = replace(order, asker=secrets.token_hex(4), pull_secrets=self.image.pull_secrets)
        try:
            return self._made(world, order)
        except ForbiddenError as error:
            raise Stalled(
                Reason.FORBIDDEN,
                f"You lack a permission: {error} --from workload makes a Job and a Secret in W&B's namespace and reads its pod.",
            ) from None
        except KubeError as error:
            raise Stalled(Reason.FORBIDDEN, f"The Job could not be made or read. {error}") from None

    def _made(self, world: World, order: Order) -> tuple[Check, ...]:
        told = ""
        try:
            while True:
                found = workload_probe.step(self.kube, order, now=world.now())
                if isinstance(found, Done):
                    return found.checks
                if found.message != told:
                    told = found.message
                    _say(told)
                self.sleep(found.after.total_seconds())
        finally:
            workload_probe.clean_up(self.kube, namespace=order.host.namespace, uid=order.given.uid, asker=order.asker)


def _say(text: str) -> None:
    """Tell on standard error what is waited for; on a terminal in the place of the line that says what is looked at."""
    clear = "\r\x1b[2K" if sys.stderr.isatty() else ""
    sys.stderr.write(f"{clear}{printable(text)}\n")
    sys.stderr.flush()
