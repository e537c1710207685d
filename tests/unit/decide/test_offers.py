"""Which clouds W&B offers for a new team, and the warning where pods lack one whose bucket is attached."""

import pytest

from wandb_byob.decide import offers
from wandb_byob.decide.compose import KEPT, SHARED
from wandb_byob.decide.offers import Cause, Seen

S3 = "s3://ak:s%2Ck@minio.example.com/data?region=r&tls=true"


@pytest.mark.parametrize(
    ("value", "schemes"),
    [
        (None, set()),
        ("", set()),
        (S3, {"s3"}),
        (f"{S3},gs://kept", {"s3", "gs"}),
        ("cw://", {"cw"}),
        (" cw:// ,az://account/container", {"cw", "az"}),
        ("gcs://b,azure://a/c", set()),
        ("s3://ak:sk/x@h/b", set()),
        ("s3://", set()),
        ("weird:entry", set()),
        (f"{S3};gs://b", set()),
    ],
    ids=["not set", "empty", "one", "two", "CoreWeave's shared entry", "with spaces", "schemes that W&B refuses", "a key that is torn", "no bucket", "no address", "another separator"],
)  # fmt: skip
def test_what_a_value_offers(value: str | None, schemes: set[str]) -> None:
    """Only what W&B can read counts."""
    assert offers.offered(value, ",") == schemes


def test_what_is_attached() -> None:
    """What was there before us is nobody's BucketStore; a BucketStore that is gone has no name."""
    provenance = {
        "s3://amazonaws.com/a": "uid-b",
        "s3://h.example/b": "uid-a",
        "gs://kept": KEPT,
        "cw://": SHARED,
        "az://a/c": "uid-gone",
    }
    assert offers.attached(provenance, {"uid-a": "first", "uid-b": "second"}) == {
        "az": (),
        "cw": (),
        "s3": ("first", "second"),
    }


def seen(value: str | None, *, container: str = "app", cause: Cause = Cause.OWN_VALUE, component: str = "app") -> Seen:
    source = "" if value is None else "a plain value"
    return Seen(workload=f"Deployment wandb-{component}", container=container, value=value, source=source, cause=cause)


PAGE = 'W&B may not offer {} on its page "Create a new team", since GORILLA_SUPPORTED_FILE_STORES has no {} entry in '


@pytest.mark.parametrize(
    ("found", "wanted", "labels", "words"),
    [
        ([seen(S3)], {"s3": ("data",)}, (), ()),
        ([], {"s3": ("data",)}, (), ()),
        ([seen("gs://x")], {}, (), ()),
        (
            [seen(S3), seen("gs://x", container="extra", cause=Cause.LEFT_OUT)],
            {"s3": ("data", "more")},
            ("AWS",),
            (PAGE.format("AWS (BucketStore data, more)", "s3://") + "container extra of Deployment wandb-app (a plain value).",
             "spec.target.workloads.containers"),
        ),
        (
            [seen(None, cause=Cause.OLDER_POD), seen(None, cause=Cause.OLDER_POD)],
            {"cw": ()},
            ("CoreWeave",),
            (PAGE.format("CoreWeave", "cw://") + "container app of pods of Deployment wandb-app (not set).", "resume what is paused"),
        ),
        (
            [seen("gs://x", component="other", cause=Cause.OUTSIDE)],
            {"az": ("blobs",), "gs": ("x",), "s3": ("data",)},
            ("AWS", "Azure"),
            ("AWS (BucketStore data)", "Azure (BucketStore blobs)", "az:// entry", "Add a workload that is outside of spec.target"),
        ),
        (
            [seen("", component=each) for each in ("a", "b", "c", "d", "e")],
            {"gs": ("x",)},
            ("Google Cloud",),
            ("Deployment wandb-a (a plain value); in container app of Deployment wandb-b", ", and 2 more places.", "byob import"),
        ),
    ],
    ids=["offered", "no pod runs", "nothing is attached", "a container that is left out", "an older pod, once however many", "two clouds, outside of the target",
         "many places"],
)  # fmt: skip
def test_the_warning(
    found: list[Seen], wanted: dict[str, tuple[str, ...]], labels: tuple[str, ...], words: tuple[str, ...]
) -> None:
    """Which cloud, which container of which workload, and what to do; no value is quoted."""
    missing = offers.gaps(found, wanted, separator=",")
    assert offers.labels(missing) == labels
    message = offers.warning(missing)
    assert bool(message) is bool(labels)
    for each in words:
        assert each in message
    assert message.count("Pods that are older") <= 1
    assert "gs://x" not in message
