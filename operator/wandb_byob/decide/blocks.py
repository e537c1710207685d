"""The block of a BucketStore that `spec.provider` names, and what such blocks have in common.

A block is called like its provider, case aside; what is read here is found by the names of its fields (`bucket` or `container`,
`endpoint`, `caBundleRef`), so that a new provider's block needs no line in this or any other module of the core.
"""

from typing import Any, Final, get_args, get_type_hints

from msgspec import Struct

from wandb_byob.model.api import BucketStoreSpec, CABundleReference
from wandb_byob.model.errors import Stalled
from wandb_byob.model.reasons import Reason

_HINTS: Final = get_type_hints(BucketStoreSpec)
PROVIDERS: Final[tuple[str, ...]] = get_args(_HINTS["provider"])
_NAMES: Final = dict(zip(BucketStoreSpec.__struct_fields__, BucketStoreSpec.__struct_encode_fields__, strict=True))
_BLOCKS: Final = {
    provider: name for provider in PROVIDERS for name, wire in _NAMES.items() if wire.lower() == provider.lower()
}
_BUCKET: Final = ("bucket", "container")


def block(spec: BucketStoreSpec) -> Any:
    """Return the provider's block, None where it is missing."""
    return getattr(spec, _BLOCKS[spec.provider])


def field(provider: str) -> str:
    """Return the block's place in the specification, such as `spec.s3Compatible`."""
    return f"spec.{_NAMES[_BLOCKS[provider]]}"


def bucket_field(provider: str) -> str:
    """Return the field that names the bucket, such as `spec.azure.container`."""
    hint = _HINTS[_BLOCKS[provider]]
    (type_,) = (each for each in get_args(hint) if issubclass(each, Struct))
    return f"{field(provider)}.{next(name for name in _BUCKET if name in type_.__struct_fields__)}"


def bucket(spec: BucketStoreSpec) -> str:
    """Return the bucket's (or container's) name, "" where the block is missing."""
    found = block(spec)
    return next((getattr(found, name) for name in _BUCKET if hasattr(found, name)), "")


def endpoint(spec: BucketStoreSpec) -> tuple[str, str] | None:
    """Return the endpoint that the BucketStore's owner has chosen and its field, None where it is the cloud's own."""
    chosen: str | None = getattr(block(spec), "endpoint", None)
    return (chosen, f"{field(spec.provider)}.endpoint") if chosen is not None else None


def ca_bundle(spec: BucketStoreSpec) -> CABundleReference | None:
    """Return where the certificates are that the endpoint needs, None where it needs none of its own."""
    found: CABundleReference | None = getattr(block(spec), "ca_bundle_ref", None)
    return found


def missing(provider: str) -> Stalled:
    """Return the refusal of a specification whose provider has no block."""
    where = field(provider)
    return Stalled(Reason.INVALID_SPEC, f"The provider is {provider}, but {where} is missing. Fill in {where}.")
